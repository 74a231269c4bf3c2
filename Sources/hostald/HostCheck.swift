import FoundationEssentials
import HostalConfiguration
import HostalDatabase
import HostalLibvirt
import HostalModel
import HostalStorage
import HostalSystem

/// Looks at everything that a worker needs, and changes nothing.
struct HostCheck {
    enum Result {
        case fine, note, missing
        var mark: String {
            switch self {
            case .fine: "ok     "
            case .note: "note   "
            case .missing: "MISSING"
            }
        }
    }

    struct Item {
        var result: Result
        var subject: String
        var finding: String
    }

    let settings: HostSettings

    func run() async -> [Item] {
        var items = [await accelerator()]
        items += await database()
        items.append(await libvirt())
        items += [
            await program("qemu-img", ["--version"]), await sandbox(), await program("nft", ["--version"]),
            await program("ip", ["-V"]),
        ]
        items += [pool(), library(), plans(), file("cloud-init templates", "\(settings.cloudInit)/vendor-data.yaml")]
        return items
    }

    private func accelerator() async -> Item {
        let (accelerator, sentence) = await AcceleratorProbe.run().resolve(settings.accelerator)
        return Item(
            result: accelerator == nil ? .missing : accelerator == .kvm ? .fine : .note, subject: "accelerator", finding: sentence
        )
    }

    private func database() async -> [Item] {
        let database = Database(Assembly.databaseSettings(settings, connections: 1))
        var items: [Item] = []
        do {
            let pending = try await Migrator(database).pending()
            items.append(
                Item(
                    result: pending.isEmpty ? .fine : .missing, subject: "database",
                    finding: pending.isEmpty
                        ? "reached, up to date" : "lacks \(pending.joined(separator: ", ")): run 'hostald migrate'"))
            if pending.isEmpty {
                let host = try await HostCatalog(database: database).find(name: settings.host)
                items.append(
                    Item(
                        result: host == nil ? .missing : .fine, subject: "host",
                        finding: host == nil
                            ? "the database knows no host '\(settings.host)': run 'hostalctl host add'"
                            : "'\(settings.host)' is known"))
            }
        } catch {
            items.append(Item(result: .missing, subject: "database", finding: "\(error)"))
        }
        await database.close()
        return items
    }

    private func libvirt() async -> Item {
        let hypervisor = LibvirtHypervisor(
            HypervisorSettings(
                uri: settings.libvirt, accelerator: .tcg, reportDirectory: Assembly.Places(settings.stateDirectory).reports))
        do {
            _ = try await hypervisor.state(of: GuestID(UUID()))
            return Item(result: .fine, subject: "libvirt", finding: "answers at \(settings.libvirt)")
        } catch {
            return Item(result: .missing, subject: "libvirt", finding: "\(error)")
        }
    }

    private func program(_ name: String, _ arguments: [String]) async -> Item {
        do {
            let first = try await Command(name, arguments, timeout: .seconds(10)).run().split(separator: "\n").first ?? ""
            return Item(result: .fine, subject: name, finding: String(first))
        } catch {
            return Item(result: .missing, subject: name, finding: "\(error)")
        }
    }

    private func sandbox() async -> Item {
        guard settings.toolSandbox == .required else {
            return Item(
                result: .note, subject: "tool sandbox",
                finding: "off by 'tool_sandbox: none': qemu-img reads what strangers wrote with all of this host in its reach")
        }
        do {
            _ = try await ConfinedTool(
                "qemu-img", ["--version"], access: .init(), limits: .init(time: .seconds(10), cpu: 5, fileSize: 0)
            ).run()
            return Item(result: .fine, subject: "tool sandbox", finding: "bubblewrap works")
        } catch {
            return Item(
                result: .missing, subject: "tool sandbox",
                finding: "\(error): install bubblewrap, and allow it namespaces; or set 'tool_sandbox: none' to do without")
        }
    }

    private func library() -> Item {
        do {
            try MadeImageFiles.verify(Assembly.directory(settings.imageLibrary))
            return Item(result: .fine, subject: "image library", finding: settings.imageLibrary)
        } catch {
            return Item(
                result: .note, subject: "image library",
                finding:
                    "\(error): no images of servers can be made; mount it, or run 'hostald init --library' once for all hosts")
        }
    }

    private func pool() -> Item {
        let path = Assembly.Places(settings.stateDirectory).volumes
        do {
            try Assembly.pool(settings).verify()
            return Item(result: .fine, subject: "disk pool", finding: path)
        } catch {
            return Item(
                result: .missing, subject: "disk pool", finding: "\(error): mount it, or run 'hostald init' once on a new host")
        }
    }

    private func plans() -> Item {
        do {
            let plans = try PlanFile.loadAll(in: settings.plans)
            return Item(result: .fine, subject: "plans", finding: plans.map(\.name).joined(separator: ", "))
        } catch {
            return Item(result: .missing, subject: "plans", finding: "\(error)")
        }
    }

    private func file(_ subject: String, _ path: String) -> Item {
        let isThere = FileManager.default.fileExists(atPath: path)
        return Item(result: isThere ? .fine : .missing, subject: subject, finding: isThere ? path : "\(path) is not there")
    }
}
