import CLibisofs
import Glibc
import Synchronization

/// A file of a seed. Names are ours and short: `meta-data`.
struct SeedFile: Sendable {
    var name: String
    var contents: String
}

/// libisofs could not build an image.
struct SeedImageError: Error, Sendable, CustomStringConvertible {
    var call: String
    var problem: String
    var description: String { "\(call): \(problem)" }
}

/// A NoCloud disk: ISO 9660 with Rock Ridge and Joliet, labelled `cidata`, built in memory. Equal files give equal bytes, so all
/// times in it are one fixed time.
enum SeedImage {
    static let volumeID = "cidata"
    /// The most that an image holds, in bytes. Our files are bounded well below.
    static let sizeLimit = 4 << 20
    /// libisofs gives its stream out in blocks of this size, in bytes; a larger read loses the tail.
    private static let blockSize = 2_048
    /// 2024-01-01 00:00:00 UTC, in seconds and as the volume descriptor writes it.
    private static let timestamp: time_t = 1_704_067_200
    private static let timestampText = "2024010100000000"

    /// libisofs has state that all images share: one is built at a time. An image takes half a millisecond.
    private static let library = Mutex(false)

    /// Throws `SeedImageError`. Safe to call from many threads; they take turns.
    static func build(_ files: [SeedFile]) throws -> [UInt8] {
        try library.withLock { ready in
            if !ready {
                try check("iso_init", iso_init())
                ready = true
                try check("iso_set_msgs_severities", shims_iso_quiet())
            }
            return try write(files)
        }
    }

    private static func write(_ files: [SeedFile]) throws -> [UInt8] {
        var image: OpaquePointer?
        try check("iso_image_new", iso_image_new(volumeID, &image))
        defer { iso_image_unref(image) }
        iso_image_set_volset_id(image, volumeID)
        for file in files { try add(file, to: image) }

        var options: OpaquePointer?
        try check("iso_write_opts_new", iso_write_opts_new(&options, 0))
        defer { iso_write_opts_free(options) }
        try configure(options)

        var source: UnsafeMutablePointer<burn_source>?
        try check("iso_image_create_burn_source", iso_image_create_burn_source(image, options, &source))
        guard let source else { throw SeedImageError(call: "iso_image_create_burn_source", problem: "no source") }
        defer {
            source.pointee.free_data?(source)
            free(source)
        }
        return try drain(source)
    }

    private static func add(_ file: SeedFile, to image: OpaquePointer?) throws {
        var bytes = file.contents
        let (count, copy) = bytes.withUTF8 { bytes in
            let copy = malloc(max(bytes.count, 1))
            if let copy, let base = bytes.baseAddress { memcpy(copy, base, bytes.count) }
            return (bytes.count, copy)
        }
        guard let copy else { throw SeedImageError(call: "malloc", problem: "no memory for \(count) bytes") }
        var stream: UnsafeMutablePointer<IsoStream>?
        do {
            try check("iso_memory_stream_new", iso_memory_stream_new(copy.assumingMemoryBound(to: UInt8.self), count, &stream))
        } catch {
            free(copy)
            throw error
        }
        // From here the stream owns the copy, and once it is added the image owns the stream.
        var node: OpaquePointer?
        do {
            try check("iso_tree_add_new_file", iso_tree_add_new_file(iso_image_get_root(image), file.name, stream, &node))
        } catch {
            iso_stream_unref(stream)
            throw error
        }
        iso_node_set_permissions(node, 0o400)
        iso_node_set_uid(node, 0)
        iso_node_set_gid(node, 0)
    }

    private static func configure(_ options: OpaquePointer?) throws {
        try check("iso_write_opts_set_iso_level", iso_write_opts_set_iso_level(options, 3))
        try check("iso_write_opts_set_rockridge", iso_write_opts_set_rockridge(options, 1))
        try check("iso_write_opts_set_joliet", iso_write_opts_set_joliet(options, 1))
        // Lets the label stay in lower case.
        try check("iso_write_opts_set_relaxed_vol_atts", iso_write_opts_set_relaxed_vol_atts(options, 1))
        try check("iso_write_opts_set_always_gmt", iso_write_opts_set_always_gmt(options, 1))
        try check("iso_write_opts_set_replace_timestamps", iso_write_opts_set_replace_timestamps(options, 2))
        try check("iso_write_opts_set_default_timestamp", iso_write_opts_set_default_timestamp(options, timestamp))
        var text = Array(timestampText.utf8CString)
        try check(
            "iso_write_opts_set_pvd_times", iso_write_opts_set_pvd_times(options, timestamp, timestamp, 0, timestamp, &text))
    }

    private static func drain(_ source: UnsafeMutablePointer<burn_source>) throws -> [UInt8] {
        guard let read = source.pointee.read_xt, let size = source.pointee.get_size?(source) else {
            throw SeedImageError(call: "burn_source", problem: "it cannot be read")
        }
        guard size <= sizeLimit else {
            throw SeedImageError(call: "burn_source.get_size", problem: "\(size) bytes; at most \(sizeLimit) are accepted")
        }
        var image = [UInt8](repeating: 0, count: Int(size))
        var offset = 0
        while offset < image.count {
            let count = min(blockSize, image.count - offset)
            let got = image.withUnsafeMutableBufferPointer { buffer in
                read(source, buffer.baseAddress?.advanced(by: offset), Int32(count))
            }
            guard got > 0 else {
                throw SeedImageError(call: "burn_source.read_xt", problem: "the image ends after \(offset) of \(size) bytes")
            }
            offset += Int(got)
        }
        return image
    }

    private static func check(_ call: String, _ code: Int32) throws {
        guard code < 0 else { return }
        throw SeedImageError(call: call, problem: iso_error_to_msg(code).map { String(cString: $0) } ?? "error \(code)")
    }
}
