import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import Synchronization
import Testing

/// The builder around recipes that need no packages: building a real image takes minutes.
@Suite struct ImageBuilderTests {
    private func recipe(_ script: String) -> ImageRecipe {
        let start = "set -eu; source \"$(dirname \"$0\")/common.sh\"; arguments \"$@\"\n"
        return ImageRecipe(
            name: "trial", title: "Trial", suite: "none", disk: Mebibytes(1), minimumDisk: Gibibytes(1),
            minimumMemory: Mebibytes(1), script: Array((start + script).utf8))
    }

    @Test func aBuildPutsTheImageInPlaceAndTellsItsSteps() async throws {
        let home = try BuildHome()
        defer { home.remove() }
        let steps = Mutex<[String]>([])
        let script = """
            step "making it"; echo "not for operators"; truncate -s "${disk}M" "$scratch/raw"; write_output "$scratch/raw"
            """
        let image = try await home.builder.build(recipe(script), into: home.output) { line in steps.withLock { $0.append(line) } }
        #expect(steps.withLock { $0 } == ["making it", "writing the image"])
        #expect(image.path == home.output && image.format == .qcow2 && image.virtualSize == 1 << 20)
        #expect(image.bytes == Int64(try Data(contentsOf: URL(filePath: home.output)).count))
        #expect(try home.leftovers() == ["image.qcow2"])
    }

    @Test func aFailedBuildLeavesTheOldImageAndNoScratch() async throws {
        let home = try BuildHome()
        defer { home.remove() }
        try Data("old".utf8).write(to: URL(filePath: home.output))
        let script = "mkdir $scratch/tree; echo half > $output; fail 'the mirror is gone'"
        let failure = try await #require(throws: Failure.self) {
            try await home.builder.build(recipe(script), into: home.output) { _ in }
        }
        #expect(failure.kind == .needsOperator && failure.message.hasPrefix("cannot build image 'trial': "))
        #expect(failure.detail?.contains("the mirror is gone") == true)
        #expect(try home.leftovers() == ["image.qcow2"])
        #expect(try Data(contentsOf: URL(filePath: home.output)) == Data("old".utf8))
    }

    @Test func aCancelledBuildLeavesNoProcessAndNoScratch() async throws {
        let home = try BuildHome()
        defer { home.remove() }
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        // A child that ignores requests to end and keeps making files, as a package's installation might.
        let script = """
            echo half > "$output"
            (trap '' TERM; n=0; while :; do mkdir -p "$scratch/tree"; : > "$scratch/tree/$((n++))"; done) &
            step started
            wait
            """
        let build = Task { try await home.builder.build(recipe(script), into: home.output) { _ in start.yield() } }
        for await _ in started { break }
        build.cancel()
        let failure = try await #require(throws: Failure.self) { try await build.value }
        #expect(failure.code == .cancelled)
        #expect(try home.leftovers() == [])
        // All of a build's processes hold its lock: it is free only when they are gone.
        try await home.builder.build(recipe("truncate -s 1M $scratch/raw; write_output $scratch/raw"), into: home.output) { _ in }
    }

    @Test func aSecondBuildOfTheSameRecipeIsRefusedAndHarmsNothing() async throws {
        let home = try BuildHome()
        defer { home.remove() }
        let gate = home.path + "/gate"
        try #require(mkfifo(gate, 0o600) == 0)
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let first = Task {
            let script = "step started; read -r < \(gate); truncate -s 1M $scratch/raw; write_output $scratch/raw"
            return try await home.builder.build(recipe(script), into: home.output) { _ in start.yield() }
        }
        for await _ in started { break }
        let failure = try await #require(throws: Failure.self) {
            try await home.builder.build(recipe("exit 1"), into: home.path + "/second.qcow2") { _ in }
        }
        #expect(failure.kind == .temporary)
        #expect(failure.message == "cannot build image 'trial': another build of it is running")
        try Data("go on\n".utf8).write(to: URL(filePath: gate))
        _ = try await first.value
        #expect(try home.leftovers().sorted() == ["gate", "image.qcow2"])
    }

    @Test func aBuildRemovesWhatAKilledOneLeft() async throws {
        let home = try BuildHome()
        defer { home.remove() }
        let old = home.path + "/cache/trial/scratch-old"
        try FileManager.default.createDirectory(atPath: old, withIntermediateDirectories: true)
        let script = "truncate -s 1M $scratch/raw; write_output $scratch/raw"
        _ = try await home.builder.build(recipe(script), into: home.output) { _ in }
        #expect(!FileManager.default.fileExists(atPath: old))
    }
}
