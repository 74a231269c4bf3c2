import FoundationEssentials
import HostalProvisioning
import HostalSystem
import Testing

@testable import HostalSeed

/// cloud-init itself, with its files in a temporary directory, takes a seed in: as in a guest's first boot, up to the modules.
@Suite struct CloudInitTests {
    /// Prints what cloud-init has made of the seed. The base configuration is Debian's own.
    private static let firstBoot = """
        import json, os, sys
        from cloudinit import helpers, stages, util
        root, tree = sys.argv[1:]
        base = util.load_yaml(open(tree + "/etc/cloud/cloud.cfg").read())
        base = util.mergemanydict([{
            "datasource_list": ["NoCloud"], "datasource": {"NoCloud": {"fs_label": None}},
            "system_info": {"distro": "debian", "paths": {"cloud_dir": root + "/cloud", "run_dir": root + "/run"}},
        }, base, {"vendor_data": {"enabled": True, "prefix": []}}])
        stages.fetch_base_config = lambda *args, **kwargs: base
        init = stages.Init()
        init.read_cfg()
        util.ensure_dirs(init._initial_subdirs())
        init.fetch(existing="trust")
        init.instancify()
        init.update()
        init.consume_data()
        cloud = init.cloudify()
        config = helpers.ConfigMerger(paths=init.paths, datasource=init.datasource, base_cfg=base).cfg
        hostname = cloud.get_hostname()
        print(json.dumps({
            "config": {key: config.get(key) for key in
                       ("disable_root", "ssh_pwauth", "manage_etc_hosts", "locale", "runcmd", "write_files", "bootcmd", "growpart", "chpasswd")},
            "instance": cloud.get_instance_id(), "hostname": getattr(hostname, "hostname", hostname),
            "keys": cloud.get_public_ssh_keys(),
            "network": init.datasource.network_config,
        }))
        """

    struct Boot: Decodable {
        struct Config: Decodable {
            struct File: Decodable { var path: String }
            struct Chpasswd: Decodable {
                struct User: Decodable, Equatable { var name, password, type: String }
                var expire: Bool
                var users: [User]?
            }
            struct Growpart: Decodable { var mode: String }
            var disableRoot, sshPwauth, manageEtcHosts: Bool
            var locale: String
            var runcmd, bootcmd: [String]?
            var writeFiles: [File]?
            var growpart: Growpart
            var chpasswd: Chpasswd?
        }
        struct Network: Decodable { var version: Int }
        var config: Config
        var instance, hostname: String
        var keys: [String]
        var network: Network
    }

    /// Boots once, and gives what cloud-init understood and what our part asked systemd for.
    private func boot(_ contents: SeedContents) async throws -> (Boot, systemdRun: String, script: String) {
        let cloudInit = try await CloudInit.unpacked()
        let files = try SeedTemplates.load(from: shippedTemplates).files(for: contents)
        return try await withDirectory { root in
            for file in files { try write(file.contents, to: "\(root)/cloud/seed/nocloud/\(file.name)") }
            try write("#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$HOSTAL_ROOT/asked\"\n", to: "\(root)/bin/systemd-run")
            _ = try await Command("chmod", ["755", "\(root)/bin/systemd-run"]).run()
            let output = try await cloudInit.python(
                ["-c", Self.firstBoot, root, cloudInit.tree],
                environment: ["HOSTAL_ROOT=\(root)", "PATH=\(root)/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
            return (
                try decoded(Boot.self, from: output, keys: .convertFromSnakeCase), try read("\(root)/asked"),
                try read("\(root)/run/hostal/report.sh")
            )
        }
    }

    @Test func aSeedIsUnderstoodWhole() async throws {
        let (boot, asked, script) = try await boot(contents(sshKeys: [key, key + "2"]))
        #expect(boot.instance == "hostal-17-1")
        #expect(boot.hostname == "web1")
        #expect(boot.keys == [key, key + "2"])
        #expect(boot.network.version == 2)
        #expect(!boot.config.disableRoot && !boot.config.sshPwauth && boot.config.manageEtcHosts)
        #expect(boot.config.locale == "C.UTF-8")
        #expect(boot.config.growpart.mode == "auto")
        #expect(asked.contains("--property=After=cloud-final.service\n"))
        #expect(asked.hasSuffix("/run/hostal/report.sh\nsend\n"))
        #expect(try script == read("\(shippedTemplates)/report.sh"))
    }

    @Test func aPasswordThatWasOrderedIsRootsAndNeedsNoChange() async throws {
        var contents = try contents(userData: "#cloud-config\nruncmd: ['echo mine']\n")
        contents.passwordHash = "$6$abcdefgh$0123456789abcdefghijklmnop./"
        let (boot, _, _) = try await boot(contents)
        #expect(
            boot.config.chpasswd?.users == [
                .init(name: "root", password: "$6$abcdefgh$0123456789abcdefghijklmnop./", type: "hash")
            ])
        #expect(boot.config.chpasswd?.expire == false)
        #expect(boot.config.runcmd == ["echo mine"])
        #expect(!boot.config.disableRoot, "the hoster's part is lost beside the password")
        contents.passwordHash = nil
        #expect(try await self.boot(contents).0.config.chpasswd?.users == nil)
    }

    @Test func theCustomersOwnListsDoNotKnockOutsOut() async throws {
        let userData = """
            #cloud-config
            runcmd: ["echo mine"]
            bootcmd: ["echo mine too"]
            write_files: [{path: /root/mine, content: x}]
            locale: de_DE.UTF-8
            cloud_final_modules: []
            merge_how: "dict(replace)+list(replace)"
            """
        let (boot, asked, _) = try await boot(contents(userData: userData))
        #expect(boot.config.runcmd == ["echo mine"])
        #expect(boot.config.bootcmd == ["echo mine too"])
        #expect(boot.config.writeFiles?.map(\.path) == ["/root/mine"])
        #expect(boot.config.locale == "de_DE.UTF-8")
        #expect(!boot.config.disableRoot)
        #expect(asked.contains("--unit=hostal-report\n"))
    }

    @Test(arguments: [
        "#!/bin/sh\nexit 1\n", "", "not a document at all", "#cloud-config\n[unclosed", "#cloud-boothook\n#!/bin/sh\nexit 7\n",
        "## template: jinja\n#cloud-config\nruncmd: ['{{ v1.local_hostname }}']\n", "{{ }} ]]> : # !!x \"'\n",
        "#cloud-config\n- a list\n",
    ])
    func ourPartRunsWhateverTheCustomersDocumentIs(userData: String) async throws {
        let (boot, asked, _) = try await boot(contents(hostname: "web1", userData: userData))
        #expect(boot.keys == [key])
        #expect(!boot.config.disableRoot)
        #expect(asked.contains("--unit=hostal-report\n"))
    }

    @Test func cloudInitsSchemaAcceptsWhatWeWriteAndRefusesWhatWeWouldNot() async throws {
        let cloudInit = try await CloudInit.unpacked()
        let vendor = try SeedTemplate(file: "vendor-data.yaml", in: shippedTemplates, refusing: VendorData.refusals)
        try await withDirectory { directory in
            let documents = [
                "vendor": "#cloud-config\n" + (try vendor.tree.yaml()),
                "shipped": try read("\(shippedTemplates)/vendor-data.yaml"),
                "user": UserData.none, "password": "#cloud-config\n" + (try VendorData.password("$6$a$b").yaml()),
            ]
            for (name, document) in documents {
                try write(document, to: "\(directory)/\(name)")
                let said = try await cloudInit.main(["schema", "--config-file", "\(directory)/\(name)"])
                #expect(said.contains("Valid"), "\(name): \(said)")
            }
            try write("#cloud-config\ndisable_root: maybe\n", to: "\(directory)/bad")
            await #expect(throws: CommandError.self) {
                try await cloudInit.main(["schema", "--config-file", "\(directory)/bad"])
            }
        }
    }
}
