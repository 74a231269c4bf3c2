import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// The API on a socket: HTTP/1.1, with TLS where the settings have a certificate.
package struct APIServer: Sendable {
    /// A connection that nobody uses is closed after this.
    static let idleSeconds: Int64 = 60
    /// At the same time; more wait to be accepted.
    static let connectionLimit = 1_024

    let service: APIService

    package init(_ service: APIService) { self.service = service }

    /// Serves until the task is cancelled; then accepts nothing more and waits for the requests that it is answering.
    /// Throws when the address cannot be bound or the certificate not used. `onReady` gets the port, which is another than the settings' when that is 0.
    package func run(onReady: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
        let http = HTTPServerBuilder.http1(configuration: .init(idleTimeout: .seconds(Self.idleSeconds)))
        let server = try service.settings.certificate?.protecting(http) ?? http
        // Hummingbird's own lines would repeat ours, and quote what clients send.
        let quiet = Logger(label: "hostal.api") { _ in SwiftLogNoOpLogHandler() }
        let application = Application(
            responder: ServiceResponder(service: service),
            server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(service.settings.address, port: service.settings.port),
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionLimit)),
            onServerRunning: { channel in await onReady(channel.localAddress?.port ?? 0) }, logger: quiet)
        let group = ServiceGroup(configuration: .init(services: [application], gracefulShutdownSignals: [], logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            // A task of its own, so that a cancellation becomes a graceful end, and not an abrupt one.
            let running = Task { try await group.run() }
            tasks.addTask { try await running.value }
            tasks.addTask {
                // Sleeps until it is cancelled: a cancellation is the only error there is.
                while !Task.isCancelled { try? await Task.sleep(for: .seconds(86_400)) }
                // Else the graceful end would wait for hours.
                await service.consoles?.stop()
                await group.triggerGracefulShutdown()
            }
            _ = try await tasks.next()
            tasks.cancelAll()
            _ = try await tasks.next()
        }
    }
}

/// Requests and answers of the service, as Hummingbird has them.
private struct ServiceResponder: HTTPResponder {
    typealias Context = BasicRequestContext
    let service: APIService

    @concurrent func respond(to request: Request, context: Context) async throws -> Response {
        var body: [UInt8] = []
        do {
            // A stream's watch over its client reads the request's end itself.
            if !service.isStreamed(request.method.rawValue, request.uri.path) {
                body = Array(try await request.body.collect(upTo: APIService.bodyLimit).readableBytesView)
            }
        } catch is NIOTooManyBytesError {
            // One too many: the service refuses it in its own words, without reading the rest.
            body = [UInt8](repeating: 0, count: APIService.bodyLimit + 1)
        }
        let answer = await service.answer(
            APIRequest(
                method: request.method.rawValue, path: request.uri.path, query: request.uri.query ?? "",
                authorization: request.headers[.authorization],
                idempotencyKey: Self.idempotencyKey.flatMap { request.headers[$0] },
                body: body))
        var response = Response(status: .init(code: answer.status))
        if !answer.body.isEmpty {
            response.headers[.contentType] = "application/json"
            response.body = .init(byteBuffer: ByteBuffer(bytes: answer.body))
        }
        if let stream = answer.stream {
            response.headers[.contentType] = "application/octet-stream"
            response.body = Self.body(stream, of: request)
        }
        response.headers[.cacheControl] = "no-store"
        for (name, value) in answer.headers {
            if let name = HTTPField.Name(name) { response.headers[name] = value }
        }
        return response
    }

    /// Ends with the stream, and when the client goes away.
    private static func body(_ stream: APIStream, of request: Request) -> ResponseBody {
        ResponseBody { writer in
            var isOver = false
            do {
                try await request.body.consumeWithCancellationOnInboundClose { _ in
                    while let bytes = await stream.next() { try await writer.write(ByteBuffer(bytes: bytes)) }
                    isOver = !Task.isCancelled
                }
            } catch {
                _ = await stream.end(false)
                throw error
            }
            var trailers = HTTPFields()
            for (name, value) in await stream.end(isOver) {
                if let name = HTTPField.Name(name) { trailers[name] = value }
            }
            try await writer.finish(trailers)
        }
    }

    private static let idempotencyKey = HTTPField.Name("Idempotency-Key")
}
