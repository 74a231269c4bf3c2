import HostalDatabase
import HostalProvisioning
import HostalWire

/// A server's serial line, both ways.
extension Endpoint {
    static let consoles: [Endpoint] = [
        Endpoint("POST", "/v1/servers/{id}/console", .direct { call in try await open(call) }),
        Endpoint(
            "GET", "/v1/servers/{id}/console/{session}",
            .direct { call in
                let session = try session(call)
                guard session.beginReading() else {
                    throw Refusal(status: 409, code: "conflict", message: "this console's output is being read already")
                }
                return APIAnswer(
                    stream: APIStream(next: { await session.read() }) { wasRead in
                        await session.finish(wasRead ? .lineClosed : .closed)
                        return [("Console-End", (session.end ?? .closed).rawValue)]
                    })
            }, manner: .streaming),
        Endpoint(
            "POST", "/v1/servers/{id}/console/{session}/input",
            .direct { call in
                let session = try session(call)
                guard call.body.count <= ConsoleLimits.inputAtOnce else {
                    throw Refusal(
                        status: 413, code: "request_too_large",
                        message: "the body has more than \(ConsoleLimits.inputAtOnce) bytes")
                }
                if call.isDryRun { return try call.onlyTried() }
                do {
                    try await session.write(call.body)
                } catch let failure as ConsoleFailure {
                    await session.finish(.lineClosed)
                    throw try sessions(call).refusal(failure, session.server)
                }
                return APIAnswer(status: 204)
            }, manner: .typing),
        Endpoint(
            "DELETE", "/v1/servers/{id}/console/{session}",
            .direct { call in
                let session = try session(call)
                if call.isDryRun { return try call.onlyTried() }
                await session.finish(.closed)
                return APIAnswer(status: 204)
            }),
    ]

    private static func open(_ call: Direct) async throws -> APIAnswer {
        let request = try Body.decode(OpenConsole.self, from: call.body)
        let server = try call.number()
        guard let place = try await ConsoleStore(call.database).place(of: server, of: call.bearer.account) else {
            throw Refusal.notFound("the server")
        }
        let sessions = try sessions(call)
        if call.isDryRun { return try call.onlyTried() }
        let session = try await sessions.open(server, place, for: call.bearer, force: request.force ?? false)
        let limits = sessions.limits
        return try APIAnswer(
            201,
            encoding: ConsoleOpened(
                console: Console(
                    id: session.id, serverId: server, attachSeconds: limits.attach.components.seconds,
                    idleSeconds: limits.idle.components.seconds, lifetimeSeconds: limits.lifetime.components.seconds)))
    }

    private static func sessions(_ call: Direct) throws -> ConsoleSessions {
        guard let sessions = call.consoles else { throw Refusal.consoleWithoutAddress }
        return sessions
    }

    private static func session(_ call: Direct) throws -> ConsoleSession {
        guard let sessions = call.consoles else { throw Refusal.notFound("the console") }
        return try sessions.session(try call.number("session"), on: try call.number(), of: call.bearer.account)
    }
}
