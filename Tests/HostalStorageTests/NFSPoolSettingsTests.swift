import HostalModel
import HostalStorage
import Testing

@Suite struct NFSPoolSettingsTests {
    private func problem(_ json: String) throws -> String? {
        let pool = Pool(name: PoolName("p"), kind: .nfs, storageClass: "shared", settings: json)
        do { try PoolKindSettings.validate(pool) } catch let error as PoolSettingsError { return error.description }
        return nil
    }

    @Test(arguments: [
        #"{"mode": "mounted", "directory": "/srv/pool"}"#,
        #"{"mode": "mounted", "directory": "/srv/pool", "cloning": "full_copy", "answer_seconds": 60}"#,
        #"{"mode": "direct", "server": "nas.example", "export": "/vol/vps_1"}"#,
        #"{"mode": "direct", "server": "a", "export": "/vps", "cloning": "flattened"}"#,
        #"{"mode": "direct", "server": "192.0.2.7", "export": "/vps", "user": 64055, "group": 64055, "answer_seconds": 1}"#,
    ]) func whatCanBeIsAccepted(_ json: String) throws { #expect(try problem(json) == nil) }

    @Test(arguments: [
        ("{}", "mode"), (#"{"mode": "mounted"}"#, "directory"), (#"{"mode": "mounted", "directory": "pool"}"#, "directory"),
        (#"{"mode": "mounted", "directory": "/srv/../etc"}"#, "directory"),
        (#"{"mode": "mounted", "directory": "/srv", "server": "a"}"#, "server"),
        (#"{"mode": "direct", "export": "/vps"}"#, "server"), (#"{"mode": "direct", "server": "a"}"#, "export"),
        (#"{"mode": "direct", "server": "a/b", "export": "/vps"}"#, "server"),
        (#"{"mode": "direct", "server": "a", "export": "/vps/"}"#, "export"),
        (#"{"mode": "direct", "server": "a", "export": "/v?uid=0"}"#, "export"),
        (#"{"mode": "direct", "server": "a", "export": "/vps", "user": -1}"#, "user"),
        (#"{"mode": "direct", "server": "a", "export": "/vps", "cloning": "full_copy"}"#, "cloning"),
        (#"{"mode": "direct", "server": "a", "export": "/vps", "directory": "/srv"}"#, "directory"),
        (#"{"mode": "direct", "server": "a", "export": "/vps", "answer_seconds": 0}"#, "answer_seconds"),
        (#"{"mode": "direct", "server": "a", "export": "/vps", "password": "x"}"#, "password"),
    ]) func whatCannotBeIsRefusedByItsName(_ json: String, _ field: String) throws {
        let problem = try problem(json) ?? "accepted"
        #expect(problem.contains("'\(field)'"), "\(problem)")
    }
}
