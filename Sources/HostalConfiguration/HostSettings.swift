package import HostalModel

/// `hostald.yaml`: what one host's worker must know. docs/settings.md lists every field with its unit, range and default.
package struct HostSettings: Sendable {
    package var host: String
    /// libpq connection string; empty for the PG* environment variables.
    package var database: String
    package var stateDirectory: String
    package var runDirectory: String
    /// Where images lie that are made of servers' disks; every host reads it under this path.
    package var imageLibrary: String
    package var plans: String
    package var cloudInit: String
    package var libvirt: String
    package var accelerator: AcceleratorChoice
    /// Full copies instead of copy-on-write clones.
    package var fullCopies: Bool
    /// How many times its vCPUs and memory a guest can be given while it runs.
    package var liveGrowth: Int
    /// MiB; nil: the hypervisor's own choice.
    package var memoryGrowthFrom: Int?
    package var toolSandbox: ToolSandbox
    /// Seconds, except where the name says otherwise.
    package var lease: Double
    package var poll: Double
    package var concurrency: Int
    package var backOff: Double
    package var backOffLimit: Double
    package var attempts: Int
    package var undoDeadline: Double
    package var addressQuarantine: Double
    package var createDeadline: Double
    /// Nil: this host does not serve the API.
    package var api: APISection?
    package var reinstallDeadline: Double
    package var rebootPatience: Double
    package var shutdownDeadline: Double
    package var agentPatience: Double
    package var keepWindow: Double
    package var deletedKeepWindow: Double
    package var copyDeadline: Double
    /// MiB per second.
    package var flattenSpeed: Int
    package var purgeInterval: Double
    package var powerInterval: Double

    /// The library is this host's alone, beside its other state.
    package var hasOwnLibrary: Bool { imageLibrary == Self.library(in: stateDirectory) }

    private static func library(in stateDirectory: String) -> String { "\(stateDirectory)/library" }

    private static let fields = [
        "host", "database", "state_directory", "run_directory", "image_library", "plans", "cloud_init", "libvirt", "accelerator",
        "full_copies",
        "tool_sandbox", "live_growth", "live_growth_memory_from_mib", "engine", "api",
    ]
    private static let engineFields = [
        "lease_seconds", "poll_seconds", "concurrency", "back_off_seconds", "back_off_limit_seconds", "attempts",
        "undo_deadline_seconds", "address_quarantine_seconds", "create_deadline_seconds",
        "reinstall_deadline_seconds", "reboot_patience_seconds", "shutdown_deadline_seconds", "agent_patience_seconds",
        "keep_window_seconds", "deleted_keep_window_seconds",
        "copy_deadline_seconds", "flatten_mib_per_second", "purge_interval_seconds", "power_interval_seconds",
    ]

    package init(_ document: Document) throws(ConfigurationError) {
        try document.refuseUnknown(Self.fields)
        host = try document.text("host")
        guard host.wholeMatch(of: /[a-zA-Z0-9][a-zA-Z0-9.-]{0,62}/) != nil else {
            throw document.error("host", "must be a host name")
        }
        database = try document.text("database", "")
        stateDirectory = try Self.absolute("state_directory", "/var/lib/hostal", document)
        runDirectory = try Self.absolute("run_directory", "/run/hostal", document)
        imageLibrary = try Self.absolute("image_library", Self.library(in: stateDirectory), document)
        plans = try document.text("plans", "/etc/hostal/plans")
        cloudInit = try document.text("cloud_init", "/etc/hostal/cloud-init")
        libvirt = try document.text("libvirt", "qemu:///system")
        accelerator = try document.choice("accelerator", .auto)
        fullCopies = try Self.flag("full_copies", document)
        if document.has("live_growth_memory_from_mib") {
            memoryGrowthFrom = try document.integer("live_growth_memory_from_mib", in: 0...16_777_216)
        }
        liveGrowth = try document.integer("live_growth", in: 1...16, 4)
        toolSandbox = try document.choice("tool_sandbox", .required)
        let engine: Document
        if let given = try document.nested("engine") {
            engine = given
        } else {
            engine = try Document(text: "{}", file: document.file)
        }
        try engine.refuseUnknown(Self.engineFields)
        lease = try engine.number("lease_seconds", in: 0.5...600, 30)
        poll = try engine.number("poll_seconds", in: 0.01...60, 1)
        concurrency = try engine.integer("concurrency", in: 1...256, 8)
        backOff = try engine.number("back_off_seconds", in: 0.01...600, 2)
        backOffLimit = try engine.number("back_off_limit_seconds", in: 0.01...3_600, 60)
        attempts = try engine.integer("attempts", in: 1...100, 8)
        undoDeadline = try engine.number("undo_deadline_seconds", in: 1...604_800, 3_600)
        addressQuarantine = try engine.number("address_quarantine_seconds", in: 0...2_592_000, 300)
        createDeadline = try engine.number("create_deadline_seconds", in: 1...86_400, 1_800)
        if let section = try document.nested("api") { api = try APISection(section) }
        reinstallDeadline = try engine.number("reinstall_deadline_seconds", in: 1...86_400, 1_800)
        rebootPatience = try engine.number("reboot_patience_seconds", in: 0.01...3_600, 60)
        shutdownDeadline = try engine.number("shutdown_deadline_seconds", in: 1...3_600, 120)
        agentPatience = try engine.number("agent_patience_seconds", in: 0.01...3_600, 120)
        keepWindow = try engine.number("keep_window_seconds", in: 0...2_592_000, 86_400)
        deletedKeepWindow = try engine.number("deleted_keep_window_seconds", in: 0...2_592_000, 86_400)
        copyDeadline = try engine.number("copy_deadline_seconds", in: 1...604_800, 14_400)
        flattenSpeed = try engine.integer("flatten_mib_per_second", in: 1...100_000, 50)
        purgeInterval = try engine.number("purge_interval_seconds", in: 0.05...3_600, 60)
        powerInterval = try engine.number("power_interval_seconds", in: 0.05...3_600, 5)
    }

    private static func absolute(_ name: String, _ fallback: String, _ document: Document) throws(ConfigurationError) -> String {
        let path = try document.text(name, fallback)
        guard path.hasPrefix("/") else { throw document.error(name, "must be an absolute path") }
        return path
    }

    private enum Flag: String, CaseIterable {
        case yes = "true"
        case no = "false"
    }

    private static func flag(_ name: String, _ document: Document) throws(ConfigurationError) -> Bool {
        try document.choice(name, Flag.no) == .yes
    }
}
