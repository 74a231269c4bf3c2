import HostalLibvirt
import HostalModel
import Testing

@Suite struct GuestMarkTests {
    @Test func aMarkIsReadAsLibvirtWritesIt() {
        let element = "<hostal:guest xmlns:hostal=\"urn:hostal:guest:1\" server=\"42\" order=\"7\" epoch=\"3\" checksum=\"ff\"/>"
        #expect(GuestMark(element: element) == GuestMark(server: ServerID(42), order: OrderID(7), epoch: 3, checksum: 255))
    }

    @Test(arguments: [
        "<guest order=\"7\" epoch=\"3\" checksum=\"ff\"/>", "<guest server=\"\" order=\"7\" epoch=\"3\" checksum=\"ff\"/>",
        "<guest server=\"4x\" order=\"7\" epoch=\"3\" checksum=\"ff\"/>",
        "<guest server=\"4\" order=\"7\" epoch=\"3\" checksum=\"fg\"/>",
        "<guest notserver=\"4\" order=\"7\" epoch=\"3\" checksum=\"f\"/>",
        "",
    ])
    func aMarkThatLacksANumberIsNobodys(element: String) {
        #expect(GuestMark(element: element) == nil)
    }
}
