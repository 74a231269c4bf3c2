import FoundationEssentials
import Glibc

/// A guest as the machine runs it: a QEMU process with a seed.
struct RunningGuest: Hashable, Sendable {
    var guest: String
    var generation: Int
    /// Of this process: no other ever has it.
    var boot: String
}

/// Reports in the place of guests that have no system to boot: one line for each QEMU process, with the instance id that its seed says.
struct StandIn: Sendable {
    /// The host's state directory.
    var directory: String

    func run() async throws {
        var reported: Set<RunningGuest> = []
        while !Task.isCancelled {
            for guest in running() where !reported.contains(guest) && report(guest) { reported.insert(guest) }
            try await Task.sleep(for: .milliseconds(30))
        }
    }

    /// Every guest of this host.
    func running() -> [RunningGuest] {
        guard let processes = opendir("/proc") else { return [] }
        defer { closedir(processes) }
        var found: [RunningGuest] = []
        while let entry = readdir(processes) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let process = Int32(name), let guest = guest(process) { found.append(guest) }
        }
        return found
    }

    /// Thirty times a second for every process: Foundation's reading of such files, which say that they are empty, leaves memory behind.
    private func text(of path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        return withUnsafeTemporaryAllocation(byteCount: Self.longest, alignment: 1) { buffer in
            let count = fread(buffer.baseAddress, 1, buffer.count, file)
            return count == 0 ? nil : String(decoding: UnsafeRawBufferPointer(rebasing: buffer[..<count]), as: UTF8.self)
        }
    }
    private static let longest = 1 << 16

    private func guest(_ process: Int32) -> RunningGuest? {
        guard let line = text(of: "/proc/\(process)/cmdline"), line.hasPrefix("/usr/bin/qemu-system"),
            let place = line.firstRange(of: "\(directory)/seeds/"),
            let status = text(of: "/proc/\(process)/stat")
        else { return nil }
        let name = line[place.upperBound...].prefix { $0 != "." }
        // After the program's name in brackets, the start is the 20th field.
        let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
        guard name.count > 37, fields.count > 19, fields[0] != "Z", let generation = Int(name.dropFirst(37)) else { return nil }
        return RunningGuest(guest: String(name.prefix(36)), generation: generation, boot: "\(process)-\(fields[19])")
    }

    /// False when the guest's seed or its channel is not there yet, or any more.
    private func report(_ guest: RunningGuest) -> Bool {
        guard let seed = FileManager.default.contents(atPath: "\(directory)/seeds/\(guest.guest)-\(guest.generation).iso"),
            let start = seed.firstRange(of: Data("instance-id: \"".utf8))
        else { return false }
        let instance = String(decoding: seed[start.upperBound...].prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
        guard let channel = fopen("\(directory)/reports/\(guest.guest).log", "r+") else { return false }
        defer { fclose(channel) }
        fseek(channel, 0, SEEK_END)
        fputs(
            #"{"instance_id":"\#(instance)","boot_id":"\#(guest.boot)","status":"done","errors":[],"host_keys":["ssh-ed25519 AAAA"]}"#
                + "\n", channel)
        return true
    }
}
