import FoundationEssentials
import HostalWire
import Testing

/// Against Foundation's encoder: another order of fields, the same values.
@Suite struct WireWriterTests {
    private struct Body: Codable, Hashable {
        struct Part: Codable, Hashable {
            var isOn: Bool
            @Nullable var serverId: Int64?
        }
        var name: String
        var pricePerGB: Double
        var share: Double
        var enableIpv4: Bool?
        var count: Int
        var parts: [Part]
        var none: [Part]
        var labels: [String: String]
        var created: Date
        var before: Date
    }

    @Test func itWritesWhatFoundationWrites() throws {
        let body = Body(
            name: "a \"quoted\" \\ line\n\t\u{1}\u{7f} ü€😀/", pricePerGB: 4, share: 0.1, enableIpv4: nil, count: -7,
            parts: [.init(isOn: true, serverId: nil), .init(isOn: false, serverId: .max)], none: [],
            labels: ["camelCase": "stays", "a\"b": ""], created: Date(timeIntervalSince1970: 1_790_000_000),
            before: Date(timeIntervalSince1970: -1))
        let ours = try WireCoding.bytes(of: body)
        let theirs = try WireCoding.encoder().encode(body)
        let values = try JSONDecoder().decode(JSONValue.self, from: Data(ours))
        let expected = try JSONDecoder().decode(JSONValue.self, from: theirs)
        #expect(values == expected)
        #expect(values["price_per_gb"].number == 4 && values["labels"]["camelCase"].text == "stays")
    }

    private struct Numbers: Codable {
        var byte: Int8 = -128
        var short: UInt16 = 65_535
        var word: UInt32 = .max
        var long: UInt64 = 1 << 62
        var real: Float = 0.5
        var most: Double = 1e15
        var tiny: Double = 1.5e-7
        var many: [UInt8] = [0, 255]
    }

    @Test func numbersOfEverySizeAreWritten() throws {
        let ours = try WireCoding.bytes(of: Numbers())
        let values = try JSONDecoder().decode(JSONValue.self, from: Data(ours))
        #expect(try values == JSONDecoder().decode(JSONValue.self, from: WireCoding.encoder().encode(Numbers())))
    }

    @Test(arguments: [0, 951_782_399, 951_782_400, 1_709_164_800, 4_107_542_399, 2_678_400_000, 1_735_689_599])
    func timesAreThoseOfTheCalendar(seconds: Double) throws {
        let date = [Date(timeIntervalSince1970: seconds)]
        let theirs = Array(try WireCoding.encoder().encode(date))
        #expect(try WireCoding.bytes(of: date) == theirs)
    }
}
