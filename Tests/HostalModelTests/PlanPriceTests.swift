import FoundationEssentials
import HostalModel
import Testing

@Suite struct PlanPriceTests {
    @Test func aPlanFromBeforePricesIsReadAndCostsNothing() throws {
        let old =
            #"{"name":"small","description":"","vcpus":1,"memory_mib":1024,"disk_gib":10,"traffic_gib":0,"port_speed_mbit":100}"#
        let plan = try JSONDecoder().decode(Plan.self, from: Data(old.utf8))
        #expect(plan.priceMonthly == "0" && plan.priceHourly == "0")
        #expect(try JSONDecoder().decode(Plan.self, from: JSONEncoder().encode(plan)) == plan)
    }
}
