package import HostalSystem

/// What an image's bytes are read from, at any offset. Fewer bytes than asked for are the end.
package protocol ImageBytes: ~Copyable {
    /// In bytes.
    func size() throws -> Int64
    func bytes(_ count: Int, at offset: Int64) throws -> [UInt8]
}

extension OpenFile: ImageBytes {}

/// Adds up what an image's tables say that it holds. Two entries that name the same place make a small file a huge disk: as the entries of an
/// honest image have places of their own, together they take no more than the file.
struct ImageMap {
    let fileSize: Int64
    /// Of one entry's place, in bytes: what the end of the file may lack.
    let slack: Int64
    /// Bytes of the guest's disk that are not known to be zero.
    private(set) var mapped: Int64 = 0
    private var held: Int64 = 0

    init(fileSize: Int64, slack: Int64) {
        self.fileSize = fileSize
        self.slack = slack
    }

    /// Bytes of a table, read at once.
    private static let piece = 1 << 20

    /// An entry for `guest` bytes whose place is `taken` bytes from `offset` on.
    mutating func add(guest: Int64, taking taken: Int64, at offset: UInt64) throws(ImageRefusal) {
        guard offset < UInt64(clamping: fileSize) else {
            throw ImageRefusal("its data lies outside the file: the file is cut off")
        }
        let (sum, overflows) = held.addingReportingOverflow(taken)
        guard !overflows, sum - slack <= fileSize else {
            throw ImageRefusal("it names the same data many times over: a file of \(fileSize.inBinaryUnits) that unfolds to more")
        }
        held = sum
        mapped = mapped.addingReportingOverflow(guest).partialValue
    }

    /// Calls `body` with each entry of a table in the file, in order.
    func each<Entry: FixedWidthInteger & UnsignedInteger, Bytes: ImageBytes & ~Copyable>(
        _ type: Entry.Type, of bytes: borrowing Bytes, at offset: UInt64, count: UInt64, bigEndian: Bool,
        _ body: (Entry) throws -> Void
    ) throws {
        let width = UInt64(Entry.bitWidth / 8)
        let (length, overflows) = count.multipliedReportingOverflow(by: width)
        let end = UInt64(clamping: fileSize)
        guard !overflows, offset <= end, length <= end - offset else {
            throw ImageRefusal("a table lies outside the file: the file is cut off")
        }
        var done: UInt64 = 0
        while done < length {
            let piece = try bytes.bytes(Int(min(UInt64(Self.piece), length - done)), at: Int64(offset + done))
            let entries = piece.count / Int(width)
            guard entries > 0 else { throw ImageRefusal("a table lies outside the file: the file is cut off") }
            try piece.withUnsafeBytes { raw in
                for index in 0..<entries {
                    let entry = raw.loadUnaligned(fromByteOffset: index * Int(width), as: Entry.self)
                    try body(bigEndian ? Entry(bigEndian: entry) : Entry(littleEndian: entry))
                }
            }
            done += UInt64(entries) * width
        }
    }
}
