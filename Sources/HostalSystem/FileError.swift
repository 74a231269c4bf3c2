import Glibc

/// A call to the kernel about a file that failed: `rename /srv/a: No space left on device`.
package struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    package var call: String
    package var path: String
    /// The kernel's `errno`.
    package var code: Int32

    package init(_ call: String, _ path: String, code: Int32) {
        self.call = call
        self.path = path
        self.code = code
    }

    /// Reads the thread's `errno`: made right after the call that failed, before anything else can change it.
    package init(_ call: String, _ path: String) { self.init(call, path, code: errno) }

    /// The file system, or the quota on it, has no room left.
    package var isFull: Bool { code == ENOSPC || code == EDQUOT }
    package var isAbsent: Bool { code == ENOENT }
    package var description: String { "\(call) \(path): \(String(cString: strerror(code)))" }
}
