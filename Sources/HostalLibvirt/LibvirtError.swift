import CLibvirt

/// What libvirt said of a call that failed.
package struct LibvirtError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The C function: `virDomainCreate`.
    package var call: String
    /// A `virErrorNumber`.
    package var code: Int
    /// A `virErrorDomain`: which part of libvirt found the error.
    package var domain: Int
    package var message: String

    package init(call: String, code: Int, domain: Int, message: String) {
        self.call = call
        self.code = code
        self.domain = domain
        self.message = message
    }

    package var description: String { "\(call): \(message) (libvirt domain \(domain), code \(code))" }

    /// libvirt keeps the error with the thread: this must follow the call at once, on the same thread.
    static func take(_ call: String) -> LibvirtError {
        var error = shim_error()
        shim_take_error(&error)
        let message = withUnsafeBytes(of: error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return LibvirtError(
            call: call, code: Int(error.code), domain: Int(error.domain), message: message.isEmpty ? "no reason given" : message)
    }

    func has(_ code: virErrorNumber) -> Bool { self.code == Int(code.rawValue) }
    func comes(from domain: virErrorDomain) -> Bool { self.domain == Int(domain.rawValue) }
}
