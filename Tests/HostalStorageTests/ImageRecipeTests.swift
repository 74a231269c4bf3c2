import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import Synchronization
import Testing

@Suite struct ImageRecipeTests {
    @Test func theKnownRecipesAreFoundByName() throws {
        #expect(ImageRecipe.all.map(\.name) == ["debian-12", "debian-13", "tiny"])
        for recipe in ImageRecipe.all { #expect(try ImageRecipe.named(recipe.name) == recipe) }
    }

    @Test func anUnknownNameIsRefusedWithTheKnownOnes() throws {
        let failure = try #require(throws: Failure.self) { try ImageRecipe.named("debian-1") }
        #expect(failure.kind == .permanent && failure.code == .invalidInput)
        #expect(failure.message == "cannot build image 'debian-1': there is no such recipe; known are debian-12, debian-13, tiny")
    }

    @Test(arguments: ImageRecipe.all) func theImageFitsTheSmallestDiskThatItIsOfferedFor(_ recipe: ImageRecipe) {
        #expect(recipe.disk.bytes <= recipe.minimumDisk.bytes)
    }

    @Test(arguments: ImageRecipe.all) func theScriptIsValidBash(_ recipe: ImageRecipe) async throws {
        _ = try await Command("bash", ["-n"], input: String(decoding: recipe.script, as: UTF8.self)).run()
    }

    @Test(arguments: ImageRecipe.all) func theScriptRefusesTheWrongNumberOfArguments(_ recipe: ImageRecipe) async throws {
        let home = try BuildHome()
        defer { home.remove() }
        try Data(recipe.script).write(to: URL(filePath: home.path + "/recipe.sh"))
        try Data(ImageRecipe.sharedScript).write(to: URL(filePath: home.path + "/common.sh"))
        let error = try await #require(throws: CommandError.self) {
            try await Command("bash", [home.path + "/recipe.sh", recipe.suite]).run()
        }
        #expect(error.errorTail.contains("usage:"))
    }
}

/// A directory for a build's cache and output, of its own for each test.
struct BuildHome {
    let path = FileManager.default.temporaryDirectory.path + "/hostal-images-\(UUID().uuidString)"
    var output: String { path + "/image.qcow2" }
    var builder: ImageBuilder { ImageBuilder(cacheDirectory: path + "/cache") }

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    /// Everything below the directory, without the locks and package caches that a build is meant to leave.
    func leftovers() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path)
            .filter { !["cache", "cache/trial", "cache/trial/lock", "cache/trial/packages"].contains($0) }
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
