import ArgumentParser
import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import Synchronization

struct ImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Base images: build, import, list, retire.",
        subcommands: [Build.self, Recipes.self, Import.self, List.self, Retire.self, Customers.self, Delete.self])

    struct Build: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Builds an image from Debian's packages.",
            discussion: """
                Recipes: \(ImageRecipe.all.map { "\($0.name) (\($0.title))" }.joined(separator: ", ")). Needs root and the machine's \
                own package sources. Packages are kept, so that the next build is faster.
                """)
        @Argument(help: "The recipe's name.") var recipe: String
        @Option(help: "Where to put the qcow2 file.") var output: String
        @Option(help: "Where packages are kept between builds.") var cache = "/var/cache/hostal/images"

        func run() async throws {
            let image = try await ImageBuilder(cacheDirectory: cache).build(ImageRecipe.named(recipe), into: output) { step in
                print(step)
                fflush(nil)
            }
            print("built \(image.path): \(image.bytes >> 20) MiB, the guest sees \(image.virtualSize >> 20) MiB")
        }
    }

    struct Recipes: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists what can be built.",
            discussion: "An image built by another version of its recipe may lack something: build it again.")

        func run() {
            let rows = ImageRecipe.all.map { [$0.name, $0.version, $0.title] }
            print(Table(header: ["NAME", "VERSION", "SYSTEM"], rows: rows).text)
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks an image and offers it to new orders.",
            discussion: """
                Accepts qcow2 and raw, without backing or data file, and converts VMDK, VDI, VHD and VHDX to qcow2. The file is copied \
                into the library, which every host must be able to read under the same path. docs/import.md says what a system from \
                elsewhere needs inside. Ctrl-C leaves nothing, except of a download, which the next import goes on with.
                """)
        @Argument(help: "The name that orders use.") var name: String
        @Option(help: "A file on this machine.") var file: String?
        @Option(help: "An http or https address.") var url: String?
        @Option(help: "The SHA-256 that the file must have.") var sha256: String?
        @Option(help: "The SHA-512 that the file must have.") var sha512: String?
        @Option(
            help:
                "auto, or \(ImportFormat.allCases.map(\.rawValue).joined(separator: ", ")). auto: the file's own header decides.")
        var format = "auto"
        @Flag(help: "Run qemu-img without a sandbox, where the kernel refuses one: for files that you made yourself.")
        var noSandbox = false
        @Flag(help: "Accept a download without a checksum.") var unverified = false
        @Option(help: "The directory that images are kept in.") var library = "/var/lib/hostal/library"
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let source: ImageSource
            switch (file, url) {
            case (let file?, nil): source = .file(URL(filePath: file).path())
            case (nil, let url?): source = .url(url)
            default: throw ValidationError("give either --file or --url")
            }
            guard sha256 == nil || sha512 == nil else { throw ValidationError("give --sha256 or --sha512, not both") }
            let known = ImportFormat(rawValue: format)
            guard known != nil || format == "auto" else {
                let accepted = ImportFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--format is '\(format)'; auto, \(accepted) are accepted")
            }
            try FileManager.default.createDirectory(
                atPath: library, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
            guard let shelf = Directory(library) else {
                throw ValidationError("--library is '\(library)'; an absolute path is accepted")
            }
            let work = ImageImport(
                name: name, source: source, checksum: try checksum(), allowUnverified: unverified, format: known,
                sandbox: noSandbox ? .none : .required)
            let library = ImageLibrary(directory: shelf)
            var image = try await bring(work, into: library)
            // Where the library is a host's own store, the host may have removed a retired image of this content before it was on sale again.
            if try await !library.held().contains(image.digest) { image = try await bring(work, into: library) }
            let origin = image.convertedFrom.map { " from \($0.rawValue)" } ?? ""
            print("image \(name): \(image.digest), \(image.format.rawValue)\(origin), \(image.bytes >> 20) MiB")
        }

        /// Into the library, and on sale.
        private func bring(_ work: ImageImport, into library: ImageLibrary) async throws -> ImportedImage {
            let meter = Meter()
            let image = try await Interruption.cancels {
                defer { meter.finish() }
                return try await work.run(into: library) { meter.show($0) }
            }
            try await database.use {
                try await ImageCatalog(database: $0).register(
                    name: name,
                    image: StoredImage(
                        digest: image.digest, path: image.path, format: image.format, virtualSize: image.virtualSize))
            }
            return image
        }

        private func checksum() throws -> Checksum? {
            if let sha256 {
                guard let digest = Digest(hex: sha256.lowercased()) else {
                    throw ValidationError("--sha256 must be 64 hexadecimal digits")
                }
                return .sha256(digest)
            }
            guard let sha512 else { return nil }
            guard sha512.utf8.count == 128, let checksum = Checksum(hexadecimal: sha512) else {
                throw ValidationError("--sha512 must be 128 hexadecimal digits")
            }
            return checksum
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the images that orders may name.")
        @Flag(help: "Also those that no order may name any more, with what still needs each of them.") var all = false
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            if all { return try await listAll() }
            let images = try await database.use { try await ImageCatalog(database: $0).list() }
            let rows = images.map { [$0.name, $0.format.rawValue, "\($0.virtualSize >> 20) MiB", $0.digest.hex] }
            print(Table(header: ["NAME", "FORMAT", "SIZE", "SHA-256"], rows: rows).text)
        }

        private func listAll() async throws {
            let images = try await database.use { try await ImageCatalog(database: $0).listAll() }
            let rows = images.map {
                [$0.name, $0.isActive ? "on sale" : "retired", "\($0.disks)", "\($0.orders)", "\($0.images)", $0.digest]
            }
            print(Table(header: ["NAME", "STATE", "DISKS", "ORDERS", "IMAGES", "SHA-256"], rows: rows).text)
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes an image off sale: no new order may name it.",
            discussion: """
                Servers that were made of it stay as they are. Its copies leave hosts and pools once nothing needs them, which 'image list \
                --all' tells; the file in the library stays. Importing it again offers it again.
                """)
        @Argument(help: "The name that orders use.") var name: String
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            guard try await database.use({ try await ImageCatalog(database: $0).retire(name: name) }) else {
                throw ValidationError("there is no image '\(name)' on sale; see 'hostalctl image list --all'")
            }
            print("image \(name): retired; servers that were made of it stay")
        }
    }

    struct Customers: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the images that customers have made of their servers.")
        @Option(help: "How many to show at most; the oldest come first.") var limit = 100
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            guard limit > 0 else { throw ValidationError("--limit must be at least 1") }
            let images = try await database.use { try await AccountImageCatalog(database: $0).list(most: limit) }
            let rows = images.map {
                [
                    "\($0.id)", $0.account, $0.server.map { "\($0)" } ?? "-", $0.bytes.map { "\($0 >> 20) MiB" } ?? "being made",
                    $0.createdAt.formatted(.iso8601), $0.description,
                ]
            }
            print(Table(header: ["NUMBER", "ACCOUNT", "SERVER", "SIZE", "MADE", "DESCRIPTION"], rows: rows).text)
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes an image that a customer has made, protected or not. There is no way back.",
            discussion: "Servers that were made of it stay; its files go when no disk needs them.")
        @Argument(help: "The image's number: see 'image customers'.") var number: Int
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            try await database.use { try await AccountImageCatalog(database: $0).delete(ImageID(Int64(number))) }
            print("image \(number): deleted; servers that were made of it stay")
        }
    }
}

/// Keeps a progress bar on standard error up to date, when that is a terminal.
private final class Meter: Sendable {
    private let started = ContinuousClock.now
    private let last = Mutex(ContinuousClock.now)
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private static let pause = Duration.milliseconds(100)
    private static let fallbackWidth = 80

    func show(_ progress: TransferProgress) {
        let now = ContinuousClock.now
        let isDue = last.withLock { last in
            guard now - last >= Self.pause || progress.bytesDone == progress.bytesTotal else { return false }
            last = now
            return true
        }
        guard isTerminal, isDue else { return }
        var size = winsize()
        let width = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : Self.fallbackWidth
        write("\r\u{1B}[K" + ProgressBar(width: width - 1).line(progress, elapsed: now - started))
    }

    func finish() { if isTerminal { write("\r\u{1B}[K") } }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
