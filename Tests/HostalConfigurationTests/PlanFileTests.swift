import FoundationEssentials
import HostalConfiguration
import HostalModel
import Testing

@Suite struct PlanFileTests {
    private let directory = FileManager.default.temporaryDirectory.path() + "/plans-\(UUID().uuidString)"

    private func load(_ text: String, as name: String = "small") throws -> Plan {
        let file = "\(directory)/\(name).yaml"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file))
        defer { do { try FileManager.default.removeItem(atPath: directory) } catch { Issue.record(error) } }
        return try PlanFile.load(file)
    }

    private static let good = """
        name: small
        vcpus: 1
        memory_mib: 1024
        disk_gib: 10
        traffic_gib: 0
        port_speed_mbit: 1000
        """

    @Test func aWholePlanIsRead() throws {
        let plan = try load(Self.good)
        #expect(plan.name == "small" && plan.vcpus == 1 && plan.memory == Mebibytes(1_024) && plan.disk == Gibibytes(10))
    }

    @Test func pricesAreDecimalNumbersAndNothingWithoutThem() throws {
        let free = try load(Self.good)
        #expect(free.priceMonthly == "0" && free.priceHourly == "0")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let plan = try load(Self.good + "\nprice_monthly: \"4.15\"\nprice_hourly: 0.0069")
        #expect(plan.priceMonthly == "4.15" && plan.priceHourly == "0.0069")
    }

    @Test(arguments: [
        ("vcpus: 1", "vcpus: 1\nprice_monthly: 4,15", 3, "price_monthly", "must be a decimal number"),
        ("vcpus: 1", "vcpus: 1\nprice_hourly: -1", 3, "price_hourly", "must be a decimal number"),
        ("vcpus: 1", "vcpus: 0", 2, "vcpus", "is 0; 1 to 256 are accepted"),
        ("vcpus: 1", "vcpus: '1'", 2, "vcpus", "must be a whole number, 1 to 256"),
        ("vcpus: 1", "vcpu: 1", 2, "vcpu", "is no field; fields are"),
        ("disk_gib: 10", "disk_gib: 10 GiB", 4, "disk_gib", "must be a whole number"),
        ("disk_gib: 10\n", "", 1, "disk_gib", "is missing"),
        ("name: small", "name: large", 1, "name", "the file is named after 'small'"),
        ("vcpus: 1", "vcpus: 1\ndescription: \"a\\nb\"", 3, "description", "must be one line"),
    ]) func aWrongPlanIsRefusedByFileLineAndField(from: String, to: String, line: Int, field: String, reason: String) throws {
        let text = Self.good.replacing(from, with: to)
        let error = #expect(throws: ConfigurationError.self) { try load(text) }
        #expect(error?.line == line)
        #expect(error?.field == field)
        #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.description.contains("small.yaml:\(line): \(field): ") == true)
    }

    @Test(arguments: ["", "- a\n", "name: [", "name: a\nname: b\n", "name: &a x\nvcpus: *a\n"])
    func whatIsNoMappingIsRefused(text: String) throws {
        #expect(throws: ConfigurationError.self) { try load(text) }
    }

    @Test func shippedPlansAreValid() throws {
        let plans = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../plans").path()
        #expect(try PlanFile.loadAll(in: plans).map(\.name) == ["large", "medium", "small"])
    }
}
