import Glibc
import HostalClient
import HostalSystem
import Testing

@Suite struct ReachabilityTests {
    /// A port of 127.0.0.1 that greets its first caller with a text, or with nothing. Closed when the test is over.
    private struct Greeter: ~Copyable {
        let listener: Int32
        let port: UInt16

        init(_ greeting: String?) throws {
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let size = length
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    bind(listener, address, size) == 0 && listen(listener, 4) == 0 && getsockname(listener, address, &length) == 0
                }
            }
            guard isBound else { throw FileError("bind", "127.0.0.1") }
            self.listener = listener
            port = UInt16(bigEndian: address.sin_port)
            if let greeting {
                DetachedThread.start("greeter") {
                    let connection = accept(listener, nil, nil)
                    guard connection >= 0 else { return }
                    _ = send(connection, greeting, greeting.utf8.count, Int32(MSG_NOSIGNAL))
                    close(connection)
                }
            }
        }

        deinit {
            shutdown(listener, Int32(SHUT_RDWR))
            close(listener)
        }
    }

    @Test(arguments: [
        ("SSH-2.0-OpenSSH_9.2p1\r\n", Reachability.Finding.speaksSSH), ("220 mail ready\r\n", .answers), ("SS", .answers),
        ("", .answers),
    ])
    func aGreetingTellsWhoAnswers(_ greeting: String, _ finding: Reachability.Finding) throws {
        let greeter = try Greeter(greeting)
        #expect(Reachability(address: "127.0.0.1", port: greeter.port).probe(within: .seconds(5)) == finding)
    }

    @Test func whoSaysNothingAnswersAllTheSame() throws {
        let greeter = try Greeter(nil)
        #expect(Reachability(address: "127.0.0.1", port: greeter.port).probe(within: .seconds(1)) == .answers)
    }

    @Test func aRefusalIsAnAnswerToo() throws {
        let port = try Greeter(nil).port
        #expect(Reachability(address: "127.0.0.1", port: port).probe(within: .seconds(1)) == .answers)
    }

    @Test(arguments: ["localhost", "", "999.1.1.1"])
    func whatIsNoAddressIsSilent(_ address: String) {
        #expect(Reachability(address: address, port: 22).probe(within: .seconds(1)) == .silent)
    }
}
