import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import Testing

/// Files that strangers send: the inspector refuses each with its reason, and where it had overlooked one the tool's sandbox holds.
@Suite struct HostileImageTests {
    private static let secretText = "root's alone: 8d1c59f2a6"
    private static let corpus = HostileImage.all(secret: "/tmp/hostal-hostile-secret")

    private func refusal(_ image: HostileImage) throws -> String? {
        do {
            if let native = image.format.native {
                let bytes = image.bytes
                let sample = ImageSample(
                    head: Array(bytes.prefix(ImageSample.headLimit)), tail: Array(bytes.suffix(ImageSample.tailLimit)),
                    size: Int64(bytes.count))
                _ = try ImageInspector.inspect(sample, as: native)
                if native == .qcow2 { _ = try ImageInspector.inspectTables(of: MemoryImage(bytes)) }
            } else {
                _ = try ImageInspector.inspectForeign(MemoryImage(image.bytes), as: image.format)
            }
            return nil
        } catch let refusal as ImageRefusal {
            return refusal.reason
        }
    }

    @Test func thereAreManyAndAllDiffer() {
        #expect(Self.corpus.count >= 100)
        #expect(Set(Self.corpus.map(\.name)).count == Self.corpus.count)
    }

    @Test(arguments: corpus) func eachIsRefusedWithItsReason(_ image: HostileImage) throws {
        let said = try #require(try refusal(image))
        #expect(said.contains(image.reason) && !said.isEmpty, "\(said)")
    }

    /// What they were made from is accepted: the changes are what is refused.
    @Test(arguments: [
        (ImportFormat.vmdk, ForeignFixture.vmdk(), Int64(65536)), (.vdi, ForeignFixture.vdi(), 1 << 20),
        (.vhd, ForeignFixture.vhd(), 2 << 20), (.vhdx, ForeignFixture.vhdx(), 1 << 20),
    ])
    func theSoundOnesAreAccepted(_ format: ImportFormat, _ image: MemoryImage, _ mapped: Int64) throws {
        let facts = try ImageInspector.inspectForeign(image, as: format)
        #expect(facts.virtualSize == Int64(ForeignFixture.size) && facts.mapped == mapped)
        let fixed = try ImageInspector.inspectForeign(ForeignFixture.fixedVHD(), as: .vhd)
        #expect(fixed.virtualSize == 65536)
    }

    /// The import from end to end: what no inspector of bytes sees, and that nothing is left.
    @Test func whatIsNoFileOfItsOwnIsRefused() async throws {
        let root = try TestDirectory()
        let directory = try root.subdirectory("library")
        let file = try root.file("disk", rawDisk())
        let places = Dictionary(uniqueKeysWithValues: ["link", "second", "fifo"].map { ($0, root.directory.path(of: $0)) })
        let (link, second, fifo) = (places["link"] ?? "", places["second"] ?? "", places["fifo"] ?? "")
        #expect(symlink("/etc/shadow", link) == 0 && Glibc.link(file, second) == 0 && mkfifo(fifo, 0o600) == 0)
        let reasons = [
            (link, "symbolic link"), (second, "hard links"), (fifo, "not a regular file"), (root.path, "not a regular file"),
            ("/dev/null", "not a regular file"), ("/dev/vda", "not a regular file"),
        ]
        for (path, reason) in reasons {
            let failure = try await VolumeStoreRules.failure {
                _ = try await ImageImport(name: "mine", source: .file(path), checksum: nil)
                    .run(into: ImageLibrary(directory: directory))
            }
            #expect(failure.kind == .permanent && failure.message.contains(reason), "\(path): \(failure)")
        }
        #expect(try directory.names() == [])
    }

    /// The inspector is left out on purpose. Every file that the tool opened is listed by the kernel, and what came out is searched.
    @Test(.timeLimit(.minutes(3))) func theSandboxHoldsWithoutTheInspector() async throws {
        let root = try TestDirectory()
        let secret = "/tmp/hostal-hostile-secret"
        let text = String(repeating: Self.secretText + "\n", count: 100)
        try Data(text.utf8).write(to: URL(filePath: secret))
        chmod(secret, 0o600)
        defer { unlink(secret) }
        var opened = 0
        let path = Array(secret.utf8)
        for image in Self.corpus where image.bytes.prefix(2048).firstRange(of: path) != nil || image.name.hasPrefix("bomb-one") {
            let source = try root.file("source", image.bytes)
            let output = try root.file("output", [])
            let log = root.directory.path(of: "log")
            chmod(source, 0o444)
            chown(output, ConfinedTool.nobody, ConfinedTool.nobody)
            // With and without the second guard, that names behind a header are not followed.
            let pinned = try ToolImage.file(source, image.format).name
            let plain = "json:{\"driver\":\"\(image.format.driver)\",\"file\":{\"driver\":\"file\",\"filename\":\"\(source)\"}}"
            for name in [pinned, plain, source] {
                let tool = ConfinedTool(
                    "qemu-img", ["convert", "-O", "raw", name, output], access: .init(reads: [source], writes: [output]),
                    limits: .init(time: .seconds(20), cpu: 10, fileSize: 64 << 20))
                let traced = ["-f", "-qq", "-e", "trace=open,openat,openat2,execve", "-o", log, "prlimit"]
                let said = try? await Command("strace", traced + (try tool.commandLine()), timeout: .seconds(30)).run()
                #expect(said?.contains(Self.secretText) != true)
                let outside = Trace(try String(contentsOf: URL(filePath: log), encoding: .utf8)).opened { path in
                    path == source || path == output || path == "/dev/null" || path.hasPrefix("/usr/") || path.hasPrefix("/lib")
                }
                #expect(outside.strange == [], "\(image.name) as \(name)")
                opened += outside.expected
                #expect(try await !file(output, contains: Self.secretText), "\(image.name)")
            }
        }
        #expect(opened > 500)
        // Without a sandbox the same tool opens the secret, and the log shows it.
        let hostile = try #require(Self.corpus.first { $0.name == "qcow2-backing-absolute" })
        let source = try root.file("source", hostile.bytes)
        let output = root.directory.path(of: "open")
        let log = root.directory.path(of: "log")
        let bare = ConfinedTool(
            "qemu-img", ["convert", "-O", "raw", source, output], access: .init(),
            limits: .init(time: .seconds(20), cpu: 10, fileSize: 64 << 20), sandbox: .none)
        let calls = ["-f", "-qq", "-e", "trace=open,openat,openat2,execve", "-o", log, "prlimit"]
        _ = try await Command("strace", calls + (try bare.commandLine()), timeout: .seconds(30)).run()
        let seen = Trace(try String(contentsOf: URL(filePath: log), encoding: .utf8)).opened { $0 != secret }
        #expect(seen.strange.contains(secret))
        #expect(try await file(output, contains: Self.secretText))
    }

    /// Calls of `qemu-img` itself out of strace's log: bubblewrap's and setpriv's before it are not the tool's.
    private struct Trace {
        var lines: [Substring]
        init(_ text: String) {
            lines = Array(text.split(separator: "\n").drop { !$0.contains("execve(\"/usr/bin/qemu-img\"") })
        }

        /// Calls that succeeded, also those that strace shows in two halves.
        func opened(_ isExpected: (String) -> Bool) -> (expected: Int, strange: [String]) {
            var begun: [Substring: String] = [:]
            var paths: [String] = []
            for line in lines {
                let process = line.prefix { $0 != " " }
                let words = line.split(separator: "\"", omittingEmptySubsequences: false)
                let succeeded = line.contains(") = ") && !line.contains(" = -1 ")
                if line.contains("<unfinished") {
                    begun[process] = line.contains("open") && words.count > 1 ? String(words[1]) : nil
                } else if line.contains(" resumed>") {
                    if succeeded, let path = begun[process] { paths.append(path) }
                } else if succeeded, line.contains("open"), words.count > 1 {
                    paths.append(String(words[1]))
                }
            }
            let strange = paths.filter { !isExpected($0) }
            return (paths.count - strange.count, strange)
        }
    }

    /// No byte of a header, whatever it becomes, crashes the reader: each file is accepted or refused with a sentence.
    @Test(arguments: ImportFormat.allCases.filter { $0 != .raw })
    func noMutationCrashesTheInspector(_ format: ImportFormat) throws {
        var random = SeededGenerator(seed: 20_261_125)
        let (sound, places) = Self.mutated(format)
        var image = sound
        for round in 0..<(format == .vhdx ? 250 : 1500) {
            let place = places.randomElement(using: &random) ?? 0..<1
            let offset = Int.random(in: place, using: &random)
            let value: UInt8 =
                [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random) ?? 0
            let old = image.content[offset]
            image.content[offset] = value
            var sealed = image
            // Without right checksums little behind them would be reached; without any wrong ones neither would their check.
            if format == .vhd, round % 8 != 0 { sealed = ForeignFixture.signed(image) }
            if format == .vhdx, round % 4 != 0 { sealed = ForeignFixture.sealed(image) }
            #expect(try refusal(HostileImage("", format, "", sealed.content)) != "")
            image.content[offset] = old
        }
    }

    private static func mutated(_ format: ImportFormat) -> (MemoryImage, [Range<Int>]) {
        switch format {
        case .raw: (MemoryImage(rawDisk()), [0..<512])
        case .qcow2: (MemoryImage(QcowFixture().bytes), [0..<112, (3 << 16)..<(3 << 16) + 64])
        case .vmdk: (ForeignFixture.vmdk(), [0..<80, 512..<900, 21 * 512..<21 * 512 + 8, 22 * 512..<22 * 512 + 16])
        case .vdi: (ForeignFixture.vdi(), [0x40..<0x50, 0x154..<0x1C8, 512..<528])
        case .vhd: (ForeignFixture.vhd(), [0..<90, 512..<560, 1088..<1130, 1536..<1544])
        case .vhdx:
            (
                ForeignFixture.vhdx(),
                [
                    (64 << 10)..<(64 << 10) + 80, (192 << 10)..<(192 << 10) + 80,
                    ForeignFixture.metadata..<ForeignFixture.metadata + 192,
                    ForeignFixture.items..<ForeignFixture.items + 160, ForeignFixture.table..<ForeignFixture.table + 32,
                ]
            )
        }
    }
}

/// The same numbers for the same seed: SplitMix64.
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
