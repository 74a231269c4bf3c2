import HostalModel
import HostalSystem

/// The file that an image arrives in, hashed as it grows. For one thread at a time.
///
/// Pieces that are all zero become holes, so that a sparse image stays sparse. What a killed transfer left is as long as what it had written
/// and can be gone on with.
final class PartFile {
    let file: OpenFile
    private var sha256 = Digesting(.sha256)
    private var sha512 = Digesting(.sha512)
    /// How much of the image is here.
    private(set) var count: Int64 = 0

    /// Bytes that are read and hashed at once.
    static let pieceSize = 1 << 20

    var path: String { file.path }
    var digest: String { sha256.hexadecimal() }
    var longDigest: String { sha512.hexadecimal() }

    /// Opens the file, or makes an empty one; what is in it already is read and hashed. `observe` gets the bytes so far.
    init(_ path: String, observe: (Int64) throws -> Void = { _ in }) throws {
        file = try OpenFile(path, .update)
        try hash(file, observe: observe)
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        sha256.update(bytes)
        sha512.update(bytes)
        if bytes.contains(where: { $0 != 0 }) { try file.write(bytes, at: count) }
        count += Int64(bytes.count)
    }

    /// Empties the file.
    func restart() throws(FileError) {
        try file.truncate(to: 0)
        sha256 = Digesting(.sha256)
        sha512 = Digesting(.sha512)
        count = 0
    }

    /// Takes everything from another file, in no time where both share a file system that can. `observe` gets the bytes so far.
    func fill(from source: borrowing OpenFile, observe: (Int64) throws -> Void) throws {
        try restart()
        if file.cloneBlocks(of: source) {
            try hash(file, observe: observe)
        } else {
            try eachPiece(of: source) { piece in
                try append(piece)
                try observe(count)
            }
        }
    }

    func sample() throws(FileError) -> ImageSample {
        try file.truncate(to: count)
        return try ImageSample(file)
    }

    /// Gives the file its full length and mode 0444, and makes all of it survive a power cut.
    func seal() throws(FileError) {
        try file.truncate(to: count)
        try file.setMode(0o444)
        try file.sync()
    }

    private func hash(_ whole: borrowing OpenFile, observe: (Int64) throws -> Void) throws {
        try eachPiece(of: whole) { piece in
            sha256.update(piece)
            sha512.update(piece)
            count += Int64(piece.count)
            try observe(count)
        }
    }

    private func eachPiece(of source: borrowing OpenFile, _ take: (UnsafeRawBufferPointer) throws -> Void) throws {
        var offset: Int64 = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            let got = try source.read(into: buffer, at: offset)
            if got == 0 { return }
            try take(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            offset += Int64(got)
        }
    }
}
