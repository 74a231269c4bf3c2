import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

/// Against a real tgtd.
@Suite struct ISCSIVolumesTests {
    @Test func onlyTheHostThatPublishedLastGetsInAndOnlyWithThePassword() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        let other = "\(bench.settings.initiatorPrefix):kvm2"
        func isLetIn(_ initiator: String? = nil, password: String? = nil) async -> Bool {
            (try? await bench.open(volume, initiator: initiator, password: password).io(["read 0 512"])) != nil
        }
        #expect(await !isLetIn(), "a disk that nobody published is open")
        try await volumes.publish(volume)
        #expect(await isLetIn())
        #expect(await !isLetIn(other))
        #expect(await !isLetIn(password: "wrong-password-1"))
        try await bench.volumes(host: "kvm2").publish(volume)
        #expect(await isLetIn(other))
        #expect(await !isLetIn())
        // Somebody changes the account: it is put right with the next start.
        try await bench.server.changePassword(of: "\(volume.name)", at: bench.target(of: volume), to: "tampered-1234")
        #expect(await !isLetIn(other))
        try await bench.volumes(host: "kvm2").publish(volume)
        #expect(await isLetIn(other))
        try await volumes.remove(volume.name)
        #expect(try await bench.server.leftovers() == [])
    }

    @Test func aServerThatForgotItsTargetsIsGivenThoseOfThisHostAgain() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        let kept = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await volumes.publish(volume)
        await bench.server.kill9()
        let failure = try await VolumeStoreRules.failure { try await volumes.publish(volume) }
        #expect(failure.kind == .temporary && failure.detail?.contains("pool 'lun-test'") == true, "\(failure)")
        try await bench.server.start()
        #expect(try await bench.server.id(of: bench.target(of: volume)) == nil)
        try await volumes.restore()
        #expect(try await bench.open(volume).equals(bench.image))
        // Never published, so nothing to restore; nor what another host has published.
        #expect(try await bench.server.id(of: bench.target(of: kept)) == nil)
        try await bench.volumes(host: "kvm2").publish(kept)
        await bench.server.kill9()
        try await bench.server.start()
        try await volumes.restore()
        #expect(try await bench.server.id(of: bench.target(of: volume)) != nil)
        #expect(try await bench.server.id(of: bench.target(of: kept)) == nil)
    }

    /// The rounds in between leave the server's lock alone: they wait for nobody.
    @Test func onlyAServerThatWasRestartedIsAskedForAllOfItsTargets() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await volumes.publish(volume)
        try await volumes.restore()
        // Not even an unmounted directory is noticed.
        let (mark, aside) = ("\(bench.server.luns)/.hostal-pool", "\(bench.server.luns)/.aside")
        try #require(rename(mark, aside) == 0)
        try await volumes.restore()
        await bench.server.kill9()
        try await bench.server.start()
        let failure = try await VolumeStoreRules.failure { try await volumes.restore() }
        #expect(failure.kind == .temporary, "\(failure)")
        // A round that failed is not counted.
        try #require(rename(aside, mark) == 0)
        try await volumes.restore()
        #expect(try await bench.server.id(of: bench.target(of: volume)) != nil)
    }

    /// The job may fail, and then nobody else would publish the disk.
    @Test func aTargetThatAJobKeepsFromBeingRestoredIsTriedAgain() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await volumes.publish(volume)
        await bench.server.kill9()
        try await bench.server.start()
        guard let lock = try FileLock.take("\(bench.root.path)/work-kvm1/\(volume.name).lock") else {
            throw TestKitError("the disk is locked")
        }
        try await volumes.restore()
        #expect(try await bench.server.id(of: bench.target(of: volume)) == nil)
        lock.release()
        try await volumes.restore()
        #expect(try await bench.server.id(of: bench.target(of: volume)) != nil)
    }

    /// As the script of an SSH call that was given up may: each command comes after the disk was published again.
    @Test func aCommandThatComesLateDoesNothingToWhatWasDoneSince() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        let name = "\(volume.name)"
        let late = TgtDriver(pool: bench.pool, settings: bench.settings).turn(on: name)
        let access = ISCSIAccess(
            initiator: "iqn.2026-01.example.test:late", user: name, password: "late-late-late", remember: true)
        let commands: [(String, () async throws -> Void)] = [
            ("withdraw", { try await late.withdraw(name) }), ("offer", { try await late.offer(name, as: "late", to: access) }),
            ("delete", { try await late.delete(name) }), ("grow", { try await late.grow(name, to: 2 << 30) }),
            ("rename", { try await late.rename(name, to: "\(name)0") }),
            ("create", { try await late.create("\(name).part-late", size: 1 << 20) }),
        ]
        #expect(try await late.luns(startingWith: name).map(\.name) == [name])
        try await volumes.publish(volume)
        for (command, body) in commands {
            let error = await #expect(throws: ISCSIDriverError.self, "\(command)") { try await body() }
            #expect(error?.isRefusal == false && error?.description.contains("since") == true, "\(String(describing: error))")
        }
        #expect(try await bench.open(volume).equals(bench.image))
        // In its turn the same command does what it says.
        _ = try await late.luns(startingWith: name)
        try await late.withdraw(name)
        #expect(try await bench.server.id(of: bench.target(of: volume)) == nil)
        try await volumes.remove(volume.name)
        // The last command of a disk leaves nothing, and none can follow it.
        let turns = (try? FileManager.default.contentsOfDirectory(atPath: "/run/hostal-turns")) ?? []
        #expect(!turns.contains { $0.contains(name) })
        await #expect(throws: ISCSIDriverError.self) { try await late.create("\(name).part-late", size: 1 << 20) }
        #expect(try bench.files == [])
    }

    /// A tgtd that is restarted knows nothing of the copy's target.
    @Test func aCloneWhoseServerIsRestartedEndsAndIsMadeAnew() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let name = VolumeStoreRules.newName()
        let clone = Task { try await volumes.clone(bench.image, to: name, size: Gibibytes(1)) }
        try await waitUntil("the copy has begun") { try bench.files.contains { $0.contains(".part-") } }
        await bench.server.kill9()
        let began = ContinuousClock.now
        let failure = try await VolumeStoreRules.failure { _ = try await clone.value }
        #expect(failure.kind == .temporary, "\(failure)")
        #expect(ContinuousClock.now - began < .seconds(20))
        try await bench.server.start()
        let volume = try await volumes.clone(bench.image, to: name, size: Gibibytes(1))
        #expect(try bench.files == ["\(name).lun"])
        try await volumes.publish(volume)
        #expect(try await bench.open(volume).equals(bench.image))
    }

    @Test func anUnmountedOrForeignDirectoryIsAnErrorAndStaysAsItIs() async throws {
        let bench = try await ISCSIBench()
        try Data("another\n".utf8).write(to: URL(filePath: "\(bench.server.luns)/.hostal-pool"))
        let volumes = try bench.volumes()
        let name = VolumeStoreRules.newName()
        let failures = [
            try await VolumeStoreRules.failure { _ = try await volumes.clone(bench.image, to: name, size: Gibibytes(1)) },
            try await VolumeStoreRules.failure { try await volumes.remove(name) },
            try await VolumeStoreRules.failure { _ = try await volumes.remains(of: name.guest) },
        ]
        for failure in failures {
            #expect(failure.kind == .temporary && failure.detail?.contains("is it mounted") == true, "\(failure)")
        }
        #expect(try bench.files == [])
    }

    @Test func aLUNWithAnotherSerialNumberIsNeitherReachedNorGrownNorDestroyed() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let name = VolumeStoreRules.newName()
        let volume = try await volumes.clone(bench.image, to: name, size: Gibibytes(1))
        try await volumes.publish(volume)
        let id = try #require(try await bench.server.id(of: bench.target(of: volume)))
        try await bench.server.admin(
            "--mode", "logicalunit", "--op", "update", "--tid", id, "--lun", "1", "--params", "scsi_sn=somebody-else")
        for failure in [
            try await VolumeStoreRules.failure { try await volumes.remove(name) },
            try await VolumeStoreRules.failure { _ = try await volumes.grow(volume, to: Gibibytes(2)) },
            try await VolumeStoreRules.failure { try await volumes.publish(volume) },
        ] {
            #expect(failure.kind == .needsOperator && failure.detail?.contains("somebody-else") == true, "\(failure)")
        }
        #expect(try bench.files.contains("\(name).lun"))
    }

    /// The child dies by SIGKILL as soon as its partial LUN is there; the parent then finishes the same volume.
    @Test func aCloneKilledInTheMiddleIsMadeAnew() async throws {
        let bench = try await ISCSIBench()
        let name = VolumeStoreRules.newName()
        let (image, root) = (bench.image, bench.root.path)
        let settings = String(decoding: try JSONEncoder().encode(bench.settings), as: UTF8.self)
        let (images, luns) = (bench.images.path, bench.server.luns)
        let child = await #expect(processExitsWith: .signal(SIGKILL)) {
            [
                image = image as StoredImage, name = name as VolumeName, settings = settings as String, root = root as String,
                images = images as String, luns = luns as String
            ] in
            let settings = try ISCSIPoolSettings(json: settings)
            let pool = PoolName("lun-test")
            let volumes = try ISCSIVolumes(
                name: pool, settings: settings, driver: TgtDriver(pool: pool, settings: settings), host: "kvm1",
                images: try #require(Directory(images)), work: try #require(Directory("\(root)/work-kvm1")), headroom: 0)
            let clone = Task { try await volumes.clone(image, to: name, size: Gibibytes(1)) }
            let end = ContinuousClock.now + .seconds(30)
            while ContinuousClock.now < end {
                if try #require(Directory(luns)).names().contains(where: { $0.contains(".part-") }) { kill(getpid(), SIGKILL) }
                await Task.yield()
            }
            _ = try await clone.value
        }
        #expect(child != nil)
        let volumes = try bench.volumes()
        #expect(try bench.files.contains { $0.hasPrefix("\(name).part-") })
        #expect(try await volumes.remains(of: name.guest).count == 1)
        let volume = try await volumes.clone(bench.image, to: name, size: Gibibytes(1))
        #expect(try bench.files == ["\(name).lun"])
        try await volumes.publish(volume)
        #expect(try await bench.open(volume).equals(bench.image))
        try await volumes.remove(name)
        #expect(try await bench.server.leftovers() == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(root)/work-kvm1") == [])
    }

    @Test func noProcessEverHasThePasswordAmongItsArguments() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let name = VolumeStoreRules.newName()
        let password = String(decoding: try #require(try await volumes.secret(of: name.guest)).value, as: UTF8.self)
        #expect(password.count == 16)
        let seen = Mutex<(programs: Set<String>, leaks: Set<String>)>(([], []))
        let watch = Task {
            while !Task.isCancelled {
                for line in Self.commandLines() {
                    seen.withLock { seen in
                        if line.contains("\(name)") { seen.programs.insert(String(line.prefix { $0 != " " })) }
                        if line.contains(password) { seen.leaks.insert(line) }
                    }
                }
                await Task.yield()
            }
        }
        let volume = try await volumes.clone(bench.image, to: name, size: Gibibytes(1))
        for _ in 1...10 { try await volumes.publish(volume) }
        try await volumes.export(volume, snapshot: nil, to: bench.root.directory.path(of: "export"), report: { _ in })
        watch.cancel()
        await watch.value
        let (programs, leaks) = seen.withLock { ($0.programs, $0.leaks) }
        // Else the watch was blind.
        #expect(programs.contains { $0.hasSuffix("qemu-img") || $0 == "prlimit" }, "\(programs)")
        #expect(programs.contains { $0.hasSuffix("tgtadm") || $0 == "timeout" }, "\(programs)")
        #expect(leaks == [])
    }

    private static func commandLines() -> [String] {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.filter { $0.allSatisfy(\.isNumber) }.compactMap { process in
            guard let file = fopen("/proc/\(process)/cmdline", "r") else { return nil }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 16_384)
            let count = fread(&bytes, 1, bytes.count, file)
            return String(decoding: bytes.prefix(count).map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
        }
    }

    @Test func aKeyFileThatOthersReadIsRefused() async throws {
        let bench = try await ISCSIBench()
        chmod(bench.server.keyFile, 0o644)
        let failure = try await VolumeStoreRules.failure {
            _ = try await bench.volumes().secret(of: VolumeStoreRules.newName().guest)
        }
        #expect(failure.kind == .needsOperator && failure.detail?.contains("chmod 600") == true, "\(failure)")
    }

    @Test func aServerWithoutRoomRefusesTheClone() async throws {
        let bench = try await ISCSIBench()
        let failure = try await VolumeStoreRules.failure {
            _ = try await bench.volumes(headroom: 1 << 60).clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        }
        #expect(failure.kind == .permanent && failure.code == .storageFull, "\(failure)")
        #expect(try bench.files == [])
    }

    /// A negative reserve makes the check before the clone pass, so that the server fills up under the tool's hands.
    @Test func aServerThatFillsUpHalfWayLeavesNothing() async throws {
        let bench = try await ISCSIBench()
        let mark = "\(bench.server.luns)/.hostal-pool"
        _ = try await Command("mount", ["-t", "tmpfs", "-o", "size=2m", "hostal-test", bench.server.luns]).run()
        defer { umount2(bench.server.luns, Int32(MNT_DETACH)) }
        try Data("\(bench.pool)\n".utf8).write(to: URL(filePath: mark))
        let failure = try await VolumeStoreRules.failure {
            _ = try await bench.volumes(headroom: -(1 << 40)).clone(
                bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        }
        #expect(failure.kind == .permanent && failure.code == .storageFull, "\(failure)")
        #expect(try bench.files == [])
        #expect(try await bench.server.leftovers() == [])
    }

    @Test(arguments: [
        ("portal", "10.0.0.5:0"), ("portal", "host,file.url=x"), ("target_prefix", "pool-a"),
        ("target_prefix", "iqn.2026-01.Big:x"),
        ("directory", "luns"), ("directory", "/srv/'$(id)'"), ("control", "-oProxyCommand=x"), ("key_file", ""),
        ("driver", "lio"),
        ("unknown", "x"),
    ])
    func settingsThatCannotBeAreRefusedByName(_ field: String, _ value: String) throws {
        var settings = [
            "portal": "10.0.0.5", "target_prefix": "iqn.2026-01.example:pool", "initiator_prefix": "iqn.2026-01.example:host",
            "key_file": "/etc/hostal/pool.key", "directory": "/srv/luns", "control": "root@10.0.0.5",
        ]
        let right = try ISCSIPoolSettings(json: String(decoding: try JSONEncoder().encode(settings), as: UTF8.self))
        #expect(try right.peer == StoragePeer(host: "10.0.0.5", port: 3260))
        settings[field] = value
        let error = #expect(throws: PoolSettingsError.self) {
            _ = try ISCSIPoolSettings(json: String(decoding: try JSONEncoder().encode(settings), as: UTF8.self))
        }
        #expect(error?.description.contains("'\(field)'") == true, "\(String(describing: error))")
    }
}
