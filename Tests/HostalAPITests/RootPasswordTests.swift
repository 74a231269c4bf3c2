import Testing

@testable import HostalAPI

@Suite struct RootPasswordTests {
    @Test func eachPasswordAndEachSaltIsAnother() throws {
        #expect(RootPassword.make() != RootPassword.make())
        #expect(RootPassword.make().utf8.count == RootPassword.length)
        let one = try #require(RootPassword.hash("secret"))
        #expect(one != RootPassword.hash("secret"))
        #expect(one.hasPrefix("$6$") && one.utf8.count > 100)
    }
}
