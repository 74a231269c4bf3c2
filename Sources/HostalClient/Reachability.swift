import Glibc

/// Whether a server can be reached from here, tried with TCP to one port.
package struct Reachability: Sendable, Hashable {
    /// A literal IPv4 or IPv6 address; anything else is silent.
    package let address: String
    package let port: UInt16

    package init(address: String, port: UInt16) {
        self.address = address
        self.port = port
    }

    package enum Finding: Int, Comparable, Sendable {
        case silent
        /// It accepts or refuses connections.
        case answers
        /// It greets as an SSH server.
        case speaksSSH

        package static func < (left: Finding, right: Finding) -> Bool { left.rawValue < right.rawValue }
    }

    /// Blocks for at most twice the limit.
    package func probe(within limit: Duration) -> Finding {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address, String(port), &hints, &found) == 0, let found else { return .silent }
        defer { freeaddrinfo(found) }
        let socket = socket(
            found.pointee.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard socket >= 0 else { return .silent }
        defer { close(socket) }
        if connect(socket, found.pointee.ai_addr, found.pointee.ai_addrlen) != 0 {
            if errno == ECONNREFUSED { return .answers }
            guard errno == EINPROGRESS, wait(for: POLLOUT, on: socket, limit) else { return .silent }
            var error: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            guard getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 else { return .silent }
            if error == ECONNREFUSED { return .answers }
            guard error == 0 else { return .silent }
        }
        guard wait(for: POLLIN, on: socket, limit) else { return .answers }
        var greeting = [UInt8](repeating: 0, count: 4)
        guard recv(socket, &greeting, greeting.count, 0) == greeting.count else { return .answers }
        return greeting.elementsEqual("SSH-".utf8) ? .speaksSSH : .answers
    }

    private func wait(for events: Int32, on socket: Int32, _ limit: Duration) -> Bool {
        var entry = pollfd(fd: socket, events: Int16(events), revents: 0)
        return poll(&entry, 1, Int32(limit.components.seconds * 1_000)) == 1
    }
}
