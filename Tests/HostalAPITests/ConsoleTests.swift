import FoundationEssentials
import HostalDatabase
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

@testable import HostalAPI

@Suite struct ConsoleTests {
    private func opened(_ api: TestAPI, _ server: Int, _ body: String = "{}") async throws -> Int {
        let reply = try await api.call("POST", "/v1/servers/\(server)/console", body)
        #expect(reply.status == 201, "\(reply.text)")
        return try #require(reply.body["console"]["id"].number)
    }

    private func stream(_ api: TestAPI, _ path: String) async -> APIStream? {
        await api.service.answer(APIRequest(method: "GET", path: path, authorization: "Bearer \(api.token)")).stream
    }

    @Test func whatIsTypedReachesTheLineAndWhatItSaysIsStreamed() async throws {
        try await TestAPI.use { api in
            let server = try await api.placed("web")
            let path = "/v1/servers/\(server)/console/\(try await opened(api, server))"
            let stream = try #require(await stream(api, path))
            #expect(try await api.call("POST", path + "/input", "uptime\r").status == 204)
            #expect(await stream.next() == Array("uptime\r".utf8))
            #expect(try await api.call("GET", path).code == "conflict", "a second reader")
            #expect(try await api.call("DELETE", path).status == 204)
            #expect(await stream.next() == nil)
            #expect(await stream.end(true).map(\.value) == ["closed"])
            #expect(try await api.call("POST", path + "/input", "x").status == 404)
            #expect(try await api.call("DELETE", path).status == 404)
            let events = try await api.get("/v1/events")["events"].entries
            #expect(events.compactMap { $0["type"].text } == ["console_opened"])
            #expect(api.lines.contains { $0.hasPrefix("console of server \(server) ended after ") && $0.contains("closed") })
            #expect(!api.lines.contains { $0.contains("uptime") })
        }
    }

    @Test func aServerHasOneConsoleAndForceTakesItOver() async throws {
        try await TestAPI.use { api in
            let server = try await api.placed("web")
            let first = try await opened(api, server)
            let stream = try #require(await stream(api, "/v1/servers/\(server)/console/\(first)"))
            #expect(try await api.call("POST", "/v1/servers/\(server)/console").code == "conflict")
            let second = try await opened(api, server, #"{"force": true}"#)
            #expect(second != first)
            #expect(await stream.next() == nil)
            #expect(await stream.end(true).map(\.value) == ["taken-over"])
        }
    }

    @Test func aReaderThatIsTooSlowIsToldSo() async throws {
        let consoles = FakeConsoles()
        try await TestAPI.use(consoles: consoles) { api in
            let server = try await api.placed("web")
            let stream = try #require(
                await stream(api, "/v1/servers/\(server)/console/\(try await opened(api, server))"))
            for _ in 0..<5 { consoles.line?.say([UInt8](repeating: 0x61, count: 4_096)) }
            #expect(await stream.next()?.count == 16_384, "what came before is not lost")
            #expect(await stream.next() == nil)
            #expect(await stream.end(true).map(\.value) == ["too-slow"])
        }
    }

    @Test func othersAndReadersAreRefused() async throws {
        try await TestAPI.use { api in
            let server = try await api.placed("web")
            let root = "/v1/servers/\(server)/console"
            #expect(try await api.call("POST", root, token: api.readOnly).code == "token_readonly")
            #expect(try await api.call("POST", root, token: api.stranger).status == 404)
            let path = "\(root)/\(try await opened(api, server))"
            #expect(try await api.call("GET", path, token: api.readOnly).code == "token_readonly")
            for (method, end) in [("GET", ""), ("POST", "/input"), ("DELETE", "")] {
                #expect(try await api.call(method, path + end, token: api.stranger).status == 404)
            }
            let long = String(repeating: "x", count: 4_097)
            #expect(try await api.call("POST", path + "/input", long).status == 413)
            #expect(try await api.call("POST", path + "/input", String(long.dropLast())).status == 204)
        }
    }

    @Test func sessionsAreBounded() async throws {
        var limits = ConsoleLimits()
        limits.perAccount = 1
        limits.attach = .milliseconds(1)
        limits.look = .milliseconds(20)
        try await TestAPI.use(limits: limits) { api in
            let (one, two) = (try await api.placed("one"), try await api.placed("two"))
            _ = try await opened(api, one)
            #expect(try await api.call("POST", "/v1/servers/\(two)/console").code == "limit_reached")
            try await waitUntil("nobody read it") { api.lines.contains { $0.contains("not-read") } }
            _ = try await opened(api, two)
        }
    }

    @Test func aRevokedTokensConsoleEnds() async throws {
        var limits = ConsoleLimits()
        limits.look = .milliseconds(20)
        try await TestAPI.use(limits: limits) { api in
            let server = try await api.placed("web")
            let stream = try #require(
                await stream(api, "/v1/servers/\(server)/console/\(try await opened(api, server))"))
            _ = try await api.database.query("update hostal.tokens set revoked_at = now()")
            #expect(await stream.next() == nil)
            #expect(await stream.end(true).map(\.value) == ["token-revoked"])
        }
    }

    @Test func whatCannotBeOpenedSaysWhatToDo() async throws {
        try await TestAPI.use(consoles: FakeConsoles(failure: .noAddress)) { api in
            let server = try await api.placed("web")
            let reply = try await api.call("POST", "/v1/servers/\(server)/console")
            #expect(reply.status == 503 && reply.text.contains("hostalctl host set"), "\(reply.text)")
            #expect(reply.headers["Retry-After"] == nil)
            #expect(try await api.count("events") == 0)
        }
        try await TestAPI.use(consoles: FakeConsoles(failure: .off)) { api in
            let server = try await api.placed("web")
            #expect(try await api.call("POST", "/v1/servers/\(server)/console").status == 409)
            let nowhere = try await api.create("new")
            #expect(try await api.call("POST", "/v1/servers/\(nowhere)/console").status == 409)
        }
        try await TestAPI.use(consoles: FakeConsoles(failure: .unreachable("secret: no route"))) { api in
            let server = try await api.placed("web")
            let reply = try await api.call("POST", "/v1/servers/\(server)/console")
            #expect(reply.status == 503 && !reply.text.contains("secret"))
            #expect(api.lines.contains { $0.contains("secret: no route") })
        }
    }

    @Test func overHTTPItIsStreamedAndEndsWithItsReaderAndWithTheService() async throws {
        let consoles = FakeConsoles()
        try await TestAPI.use(consoles: consoles) { api in
            let server = try await api.placed("web")
            let port = Mutex(0)
            let running = Task { try await APIServer(api.service).run { ready in port.withLock { $0 = ready } } }
            try await waitUntil("the server is ready") { port.withLock { $0 } != 0 }
            let base = "http://127.0.0.1:\(port.withLock { $0 })"
            func curl(_ session: Int, _ seconds: Int) -> Task<String, any Error> {
                Task {
                    try await Command(
                        "/usr/bin/curl",
                        [
                            "-sSNi", "-m", "\(seconds)", "-H", "Authorization: Bearer \(api.token)",
                            "\(base)/v1/servers/\(server)/console/\(session)",
                        ], timeout: .seconds(30)
                    ).run()
                }
            }
            // A reader that goes away in the middle.
            let first = try await opened(api, server)
            let gone = curl(first, 1)
            await #expect(throws: CommandError.self) { _ = try await gone.value }
            try await waitUntil("the session has ended") { api.lines.contains { $0.contains("ended after") } }

            let second = try await opened(api, server)
            let reading = curl(second, 20)
            let input = "/v1/servers/\(server)/console/\(second)/input"
            #expect(try await api.call("POST", input, "hello").status == 204)
            // The stop waits for no reader: it ends the session.
            try await waitUntil("it is being read") {
                api.lines.count { $0.contains("method=GET path=/v1/servers/{id}/console/{session} status=200") } == 2
            }
            running.cancel()
            try await running.value
            let text = try await reading.value
            #expect(text.contains("hello") && text.contains("Console-End: stopping"), "\(text)")
            #expect(text.contains("Content-Type: application/octet-stream"))
        }
    }
}
