import HostalClient
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

@Suite struct APIClientTests {
    private static func rule() -> RetryRule {
        var rule = RetryRule()
        rule.firstPause = .milliseconds(5)
        rule.longestPause = .milliseconds(20)
        return rule
    }

    /// On a thread of its own: the client blocks.
    private func send(_ request: APIRequest, to address: String, limits: ClientLimits = ClientLimits()) async throws -> APIAnswer
    {
        let endpoint = try Endpoint(address)
        return try await withCheckedThrowingContinuation { waiting in
            DetachedThread.start("client") {
                let client = APIClient(endpoint: endpoint, token: "t0ken", userAgent: "test", limits: limits, rule: Self.rule())
                waiting.resume(with: Result { try client.send(request) })
            }
        }
    }

    /// Answers in turn; the last one stays.
    private func server(_ answers: AnswerServer.Answer...) throws -> AnswerServer {
        let left = Mutex(answers)
        return try AnswerServer { _ in left.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] } }
    }

    @Test func aRequestCarriesTokenKeyAndBody() async throws {
        let server = try server(.init(201, #"{"a":1}"#, headers: ["X-Correlation-ID": "c1"]))
        defer { server.stop() }
        let request = APIRequest(
            .post, "/servers", query: [.init("na me", "a&b=ü")], body: ["name": "web"], idempotencyKey: "key-1")
        let answer = try await send(request, to: server.address)
        let seen = try #require(server.requests.first)
        #expect(answer.body["a"].int == 1 && answer.correlationID == "c1" && answer.attempts == 1)
        #expect(seen.method == "POST" && seen.path == "/v1/servers" && seen.query == "na%20me=a%26b%3D%C3%BC")
        #expect(seen.headers["authorization"] == "Bearer t0ken" && seen.headers["idempotency-key"] == "key-1")
        #expect(seen.headers["content-type"] == "application/json" && seen.body == #"{"name":"web"}"#)
    }

    @Test func repeatsKeepTheKey() async throws {
        let server = try server(.init(503, "busy"), .nothing, .init(429, "", headers: ["Retry-After": "0"]), .init(200, "{}"))
        defer { server.stop() }
        let answer = try await send(APIRequest(.post, "/servers", body: [:], idempotencyKey: "key-2"), to: server.address)
        #expect(answer.attempts == 4)
        #expect(server.requests.map { $0.headers["idempotency-key"] } == ["key-2", "key-2", "key-2", "key-2"])
    }

    @Test func aRefusalKeepsCodeFieldsAndCorrelation() async throws {
        let body =
            #"{"error":{"code":"invalid_input","message":"no","details":{"fields":[{"name":"image","messages":["a","b"]}]}}}"#
        let server = try server(.init(422, body, headers: ["x-correlation-id": "c2"]))
        defer { server.stop() }
        await #expect { try await send(APIRequest(.get, "/servers"), to: server.address) } throws: { error in
            guard case APIFailure.refused(let refusal) = error, let field = refusal.fields.first else { return false }
            return refusal.status == 422 && refusal.code == "invalid_input" && refusal.message == "no"
                && refusal.fields.count == 1
                && field.name == "image" && field.messages == ["a", "b"] && refusal.correlationID == "c2"
        }
        #expect(server.requests.count == 1)
    }

    @Test func redirectsAreNotFollowed() async throws {
        let server = try server(.init(302, "", headers: ["Location": "/elsewhere"]))
        defer { server.stop() }
        await #expect { try await send(APIRequest(.get, "/servers"), to: server.address) } throws: {
            if case APIFailure.unreadable(_, 302, _) = $0 { true } else { false }
        }
        #expect(server.requests.count == 1)
    }

    @Test func whatIsNotTheAPIIsSaidToBeSo() async throws {
        let server = try server(.init(404, "<html>"))
        defer { server.stop() }
        await #expect { try await send(APIRequest(.get, "/servers"), to: server.address) } throws: {
            if case APIFailure.unreadable(_, 404, let reason) = $0 { reason.contains("not JSON") } else { false }
        }
    }

    @Test func anAnswerThatIsTooLongIsGivenUp() async throws {
        let server = try server(.init(200, "\"" + String(repeating: "a", count: 5_000) + "\""))
        defer { server.stop() }
        var limits = ClientLimits()
        limits.body = 5_001
        await #expect { try await send(APIRequest(.post, "/x"), to: server.address, limits: limits) } throws: {
            if case APIFailure.unreachable(_, let reason, true) = $0 { reason.contains("5001 bytes") } else { false }
        }
        limits.body = 5_002
        #expect(try await send(APIRequest(.post, "/x"), to: server.address, limits: limits).body.string?.count == 5_000)
    }

    @Test func aServerThatIsNotThereWasNeverReached() async throws {
        let server = try server(.init(200, "{}"))
        server.stop()
        try await waitUntil("the port is closed") {
            do {
                _ = try await send(APIRequest(.get, "/x"), to: server.address)
                return false
            } catch APIFailure.unreachable(_, _, mayHaveArrived: false) { return true }
        }
    }

    @Test func listsAreFollowedToTheirEnd() async throws {
        let server = try AnswerServer { request in
            let isFirst = request.query.contains("page=1&")
            return .init(
                200,
                #"{"servers":[{"id":\#(isFirst ? 1 : 2)}],"meta":{"pagination":{"next_page":\#(isFirst ? "2" : "null")}}}"#)
        }
        defer { server.stop() }
        let endpoint = try Endpoint(server.address)
        let ids: [Int64?] = try await withCheckedThrowingContinuation { waiting in
            DetachedThread.start("client") {
                let client = APIClient(endpoint: endpoint, token: "t", userAgent: "test")
                waiting.resume(with: Result { try client.list(.server).map { $0["id"].int } })
            }
        }
        #expect(ids == [1, 2])
    }
}
