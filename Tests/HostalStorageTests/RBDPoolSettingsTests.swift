import FoundationEssentials
import HostalModel
import HostalProvisioning
import Testing

@testable import HostalStorage

@Suite struct RBDPoolSettingsTests {
    private static func settings(_ monitors: String, pool: String = "vps", user: String = "hostal") -> RBDPoolSettings {
        RBDPoolSettings(monitors: monitors, pool: pool, user: user)
    }

    @Test func monitorsAreReadWithAndWithoutPorts() throws {
        #expect(
            try Self.settings("ceph-1.example:16789,192.0.2.1,[2001:db8::1]:6790").peers() == [
                StoragePeer(host: "ceph-1.example", port: 16_789), StoragePeer(host: "192.0.2.1", port: 6_789),
                StoragePeer(host: "2001:db8::1", port: 6_790),
            ])
    }

    @Test(arguments: ["", "a,", "a:0", "a:65536", "2001:db8::1", "-a", "a b", "v1:a:6789", "a;rm", "a\"b"])
    func otherMonitorsAreRefused(_ monitors: String) {
        #expect(throws: PoolSettingsError.self) { try Self.settings(monitors).validate() }
    }

    @Test(arguments: [("a/b", "u"), ("a@b", "u"), ("-a", "u"), ("a", "client.u"), ("a", "--id"), ("a", "")])
    func namesThatToolsWouldReadOtherwiseAreRefused(_ pool: String, _ user: String) {
        #expect(throws: PoolSettingsError.self) { try Self.settings("a", pool: pool, user: user).validate() }
    }

    @Test func settingsOfARowAreReadAndUnknownOnesRefused() throws {
        let read = try RBDPoolSettings(json: #"{"monitors": "a", "pool": "vps", "user": "u", "keyring": "/k"}"#)
        #expect(read.keyringPath == "/k" && read.conf == nil)
        #expect(Self.settings("a").keyringPath == "/etc/ceph/ceph.client.hostal.keyring")
        let text = #"{"monitors": "a", "pool": "vps", "user": "u", "#
        for more in [#""key": "AQ=="}"#, #""keyring": "k"}"#, #""conf": "c"}"#] {
            #expect(throws: PoolSettingsError.self) { try RBDPoolSettings(json: text + more) }
        }
    }

    @Test func theKeyOfTheUserIsFoundAmongOthers() {
        let text = "[client.a]\n\tkey = AAAA==\n[client.b]\n\tcaps mon = \"key = x\"\n\tkey = BBBB==\n"
        #expect(CephKeyring.key(in: text, of: "a") == "AAAA==")
        #expect(CephKeyring.key(in: text, of: "b") == "BBBB==")
        #expect(CephKeyring.key(in: text, of: "c") == nil)
    }

    @Test func freeSpaceIsUnderThePoolsQuota() {
        func space(_ quota: Int64?) -> PoolSpace? {
            CephSpace(pools: [.init(name: "vps", stats: .init(stored: 10, available: 90, quota: quota))]).space(of: "vps")
        }
        #expect(space(nil) == PoolSpace(total: 100, available: 90))
        #expect(space(0) == PoolSpace(total: 100, available: 90))
        #expect(space(30) == PoolSpace(total: 30, available: 20))
        #expect(space(5) == PoolSpace(total: 10, available: 0))
        #expect(CephSpace(pools: []).space(of: "vps") == nil)
    }

    @Test func cephsTimesAreRead() throws {
        let early = try #require(CephTime.parse("Wed Nov 25 01:52:13 2026"))
        let late = try #require(CephTime.parse("Thu Nov 26 01:52:14 2026"))
        #expect(late.timeIntervalSince(early) == 86_401)
        #expect(CephTime.parse("yesterday") == nil)
    }
}
