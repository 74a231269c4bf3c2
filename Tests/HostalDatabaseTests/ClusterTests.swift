import FoundationEssentials
import HostalDatabase
import HostalTestKit
import Testing

@Suite("The tests' own server")
struct ClusterTests {
    @Test("leaves nothing behind when it is stopped, and stopping twice is as good as once")
    func stop() async throws {
        let cluster = try await PostgresCluster()
        let database = Database(DatabaseSettings(connection: cluster.connection(), applicationName: "t"))
        let data: String = try await database.only("show data_directory")
        #expect(data.hasPrefix(cluster.path))
        await database.close()
        cluster.stop()
        cluster.stop()
        #expect(!FileManager.default.fileExists(atPath: cluster.path))
    }

    @Test("gives every caller a database of its own")
    func databases() async throws {
        let cluster = try await PostgresCluster.shared()
        let (first, second) = try await (cluster.makeDatabase(), cluster.makeDatabase())
        #expect(first != second)
        let database = Database(DatabaseSettings(connection: first, applicationName: "t"))
        #expect(try await Migrator(database).pending() == [])
        await database.close()
    }
}
