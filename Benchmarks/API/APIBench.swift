import ArgumentParser
import HTTPTypes
import HostalAPI
import HostalDatabase
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// Serves the API, or with `--bare` one Hummingbird route over the same pool that reads the same 25 servers by one statement and writes what it
/// read: the least that could be called an answer. Benchmarks/api says what is compared.
@main
struct APIBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hostal-api-bench", abstract: "Serves /v1/servers, by the API or by a bare route, until it is killed.")

    @Option(help: "A libpq connection string.") var database: String
    @Option(help: "On 127.0.0.1.") var port: Int
    @Option(help: "Connections to PostgreSQL.") var connections = 8
    @Flag(help: "The bare route.") var bare = false

    func run() async throws {
        let database = Database(
            DatabaseSettings(connection: database, applicationName: "hostal-api-bench", maximumConnections: connections))
        if bare {
            try await serveBare(database)
        } else {
            let settings = APISettings(port: port, requestsPerHour: 1_000_000_000)
            try await APIServer(APIService(database: database, settings: settings, steps: [:], report: { _ in })).run()
        }
    }

    private func serveBare(_ database: Database) async throws {
        let router = Router()
        router.get("/v1/servers") { _, _ -> Response in
            let rows = try await database.query(
                "select id::text || name || state || plan::text || labels::text from hostal.servers where account_id = 1 order by id limit 25"
            )
            var body = ByteBuffer()
            for row in rows { body.writeString(try row.get(0, as: String.self)) }
            return Response(status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: body))
        }
        let quiet = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        try await Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)), logger: quiet
        ).runService()
    }
}
