import Glibc
import HostalProvisioning

/// A call on a seed's file that the kernel refused.
struct SeedFileError: Error, Sendable, CustomStringConvertible {
    var call: String
    var path: String
    var code: Int32

    /// Reads `errno`: made right after the call.
    init(_ call: String, _ path: String) {
        code = errno
        self.call = call
        self.path = path
    }

    var description: String { "\(call) \(path): \(String(cString: strerror(code))) (error \(code))" }
}

/// What the customer gave cannot be carried by a seed, whenever it is tried.
func refused(_ cause: String) -> Failure {
    Failure(.permanent, .invalidInput, "cannot write the server's seed: \(cause)")
}

/// Edge errors as the engine acts on them. `what` is `write the server's seed`.
func failure(_ what: String, _ error: any Error) -> Failure {
    switch error {
    case let failure as Failure:
        failure
    case let file as SeedFileError where [ENOSPC, EDQUOT].contains(file.code):
        Failure(.temporary, .storageFull, "cannot \(what): the host's storage is full", cause: file)
    case let file as SeedFileError where file.call == "rename" && file.code == ENOENT:
        // A removal for the same guest took the partial file along: the next try makes it anew.
        Failure(.temporary, .serviceError, "cannot \(what): it was being removed at the same time", cause: file)
    case let file as SeedFileError where [EACCES, EPERM, EROFS, ENOENT, ENOTDIR, ELOOP, EISDIR, ENAMETOOLONG].contains(file.code):
        Failure(.needsOperator, .serviceError, "cannot \(what): the host's seed directory refuses it", cause: file)
    default:
        Failure(.temporary, .serviceError, "cannot \(what): the host reports an error", cause: error)
    }
}
