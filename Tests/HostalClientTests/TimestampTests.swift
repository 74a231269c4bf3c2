import HostalClient
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-11-24T22:00:00Z", 1_795_557_600), ("2024-02-29T12:30:15.25Z", 1_709_209_815),
        ("2026-11-24T23:30:00+01:30", 1_795_557_600), ("2000-03-01T00:00:00+00:00", 951_868_800),
    ])
    func momentsAreSecondsSince1970(_ text: String, _ seconds: Int64) { #expect(Timestamp(text)?.seconds == seconds) }

    @Test(arguments: [
        "", "2026-11-24", "2026-13-24T22:00:00Z", "2026-11-24T22:00:00", "2026-11-24T24:00:00Z", "2026-11-24T22:00:00Zx",
    ])
    func whatIsNoMomentIsNone(_ text: String) { #expect(Timestamp(text) == nil) }
}
