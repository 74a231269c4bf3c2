import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

@Suite("Values")
struct ValueTests {
    @Test(
        "text comes back as it was sent",
        arguments: [
            "", "plain", "it's", "'; drop table servers; --", "$1", "%s \\ \\x00 \n\t", "\"quoted\"", "Ж 漢 🦊 e\u{301}",
            String(repeating: "x", count: 300_000),
        ])
    func text(_ text: String) async throws {
        try await withDatabase { database async throws in
            let row = try #require(
                try await database.query("select \(text), \(text) is null, octet_length(\(text))").first)
            #expect(try row.get(0) == text)
            #expect(try row.get(2) == text.utf8.count)
        }
    }

    @Test("a NUL character is refused, not cut off")
    func nul() async throws {
        try await withDatabase { database async throws in
            try await expectError("22021") { try await database.query("select \("a\0b")") }
            #expect(try await database.only("select \("ab")") == "ab")
        }
    }

    @Test("numbers, truth and identifiers come back as they were sent")
    func numbers() async throws {
        try await withDatabase { database async throws in
            for number in [0, 1, -1, Int64.max, Int64.min] { #expect(try await database.only("select \(number)") == number) }
            for number in [Int.max, Int.min] { #expect(try await database.only("select \(number)") == number) }
            for number in [Int32.max, Int32.min] { #expect(try await database.only("select \(number)") == number) }
            for number in [0, -0.0, 1.5, .infinity, -.greatestFiniteMagnitude, Double.leastNonzeroMagnitude] {
                #expect(try await database.only("select \(number)") == number)
            }
            #expect(try await database.only("select \(Double.nan)", as: Double.self).isNaN)
            #expect(try await database.only("select 1.25::float4", as: Double.self) == 1.25)
            #expect(try await database.only("select 7::int2", as: Int.self) == 7)
            #expect(try await database.only("select \(true) and not \(false)", as: Bool.self))
            let uuid = UUID()
            #expect(try await database.only("select \(uuid)") == uuid)
            #expect(try await database.only("select \(uuid)::text") == uuid.uuidString.lowercased())
            #expect(try await database.only("select \(GuestID(uuid))") == GuestID(uuid))
            #expect(try await database.only("select \(ServerID(42))::bigint") == ServerID(42))
            #expect(try await database.only("select \([OrderID(1), OrderID(2)])") == [OrderID(1), OrderID(2)])
        }
    }

    @Test("times keep their microseconds, before and after both epochs")
    func times() async throws {
        try await withDatabase { database async throws in
            for seconds in [0.0, 1_700_000_000.123456, -1.5, 946_684_799.999999, 978_307_200.000001] {
                let date = Date(timeIntervalSince1970: seconds)
                let back: Date = try await database.only("select \(date)")
                #expect(abs(back.timeIntervalSince(date)) < 0.000_001)
                let text: String = try await database.only("select extract(epoch from \(date))::text")
                #expect(abs(try #require(Double(text)) - seconds) < 0.000_001)
            }
            #expect(try await database.only("select 'infinity'::timestamptz") == Date.distantFuture)
            let interval: String = try await database.only("select extract(epoch from \(Duration.milliseconds(-90_500)))::text")
            #expect(interval == "-90.500000")
            #expect(try await database.only("select (now() + \(Duration.seconds(5)) > now())", as: Bool.self))
        }
    }

    @Test("bytes, arrays and JSON come back as they were sent, empty ones too")
    func compounds() async throws {
        try await withDatabase { database async throws in
            for bytes in [[], [0], [UInt8](0...255)] { #expect(try await database.only("select \(bytes)") == bytes) }
            for numbers in [[], [1], [Int64.min, 0, .max]] { #expect(try await database.only("select \(numbers)") == numbers) }
            for texts in [[], [""], ["a,b", "{\"}", "NULL", "\\"]] {
                #expect(try await database.only("select \(texts)") == texts)
            }
            #expect(try await database.only("select array_length(\([1, 2, 3]), 1)") == 3)
            #expect(try await database.only("select 2 = any(\([Int64(1), 2]))", as: Bool.self))
            let json = JSONText(text: #"{"a": [1, "ö'"]}"#)
            #expect(try await database.only("select \(json)") == json)
            #expect(try await database.only("select \(json)->'a'->>1") == "ö'")
            #expect(try await database.only(#"select '{"b":1}'::json"#) == JSONText(text: #"{"b":1}"#))
            try await expectError("22P02") { try await database.query("select \(JSONText(text: "{"))") }
        }
    }

    @Test("NULL is nil, and never an empty value")
    func null() async throws {
        try await withDatabase { database async throws in
            #expect(try await database.only("select \(nil as String?)", as: String?.self) == nil)
            #expect(try await database.only("select \(nil as Int?) is null", as: Bool.self))
            #expect(try await database.only("select \("" as String?)", as: String?.self) == "")
            #expect(try await database.only("select \([] as [UInt8]?) is null", as: Bool.self) == false)
            let row = try #require(try await database.query("select null::text, 'x', null::text, ''").first)
            #expect(try row.get(0, as: String?.self) == nil)
            #expect(try row.get(1) == "x")
            #expect(try row.get(2, as: String?.self) == nil)
            #expect(try row.get(3, as: String?.self) == "")
            try await expectError("22002") { try row.get(0, as: String.self) }
            try await expectError("22002") { try await database.only("select array[1, null]::bigint[]", as: [Int64].self) }
        }
    }

    @Test("addresses, names and enums are read as text")
    func textual() async throws {
        try await withDatabase { database async throws in
            _ = try await database.query("create type mood as enum ('fine')")
            for sql: SQL in [
                "'203.0.113.7'::inet", "'203.0.113.0/24'::inet", "'2001:db8::7'::inet", "'2001:db8::/64'::cidr",
                "'10.0.0.1/32'::cidr",
                "'02:00:0a:ff:00:01'::macaddr", "'fine'::mood", "'n'::name", "'c'::\"char\"", "'xy'::char(4)", "'v'::varchar",
            ] {
                let both = try #require(
                    try await database.query("select \(unsafe: sql.text), format('%s', \(unsafe: sql.text))").first)
                let direct: String = try both.get(0)
                #expect(direct == (try both.get(1, as: String.self)))
            }
        }
    }

    @Test("a value is not read as a type that it does not have")
    func mismatch() async throws {
        try await withDatabase { database async throws in
            let row = try #require(
                try await database.query("select 'x' as t, 1::bigint << 40 as big, 1.5::numeric as n, '\\x0000'::bytea as b")
                    .first)
            try await expectError("42804") { try row.get(0, as: Int.self) }
            try await expectError("42804") { try row.get(1, as: String.self) }
            try await expectError("22003") { try row.get(1, as: Int32.self) }
            try await expectError("42804") { try row.get(2, as: Double.self) }
            try await expectError("42804") { try row.get(3, as: [Int64].self) }
            try await expectError("42703") { try row.get("missing", as: Int.self) }
            try await expectError("42703") { try row.get(4, as: Int.self) }
            #expect(try row.get("big", as: Int.self) == 1 << 40)
        }
    }

    @Test("many rows keep their order and their fields")
    func rows() async throws {
        try await withDatabase { database async throws in
            let rows = try await database.query(
                "select n, case when n % 3 = 0 then null else 'r' || n end from generate_series(1, 5000) n order by n")
            #expect(rows.count == 5000 && rows.affected == 5000)
            for (index, row) in rows.enumerated() {
                let number = index + 1
                guard try row.get(0) == number, try row.get(1, as: String?.self) == (number % 3 == 0 ? nil : "r\(number)") else {
                    Issue.record("row \(number) is wrong")
                    return
                }
            }
            #expect(try await database.query("select 1 where false").isEmpty)
        }
    }
}

extension String {
    fileprivate func trimming(_ end: Character) -> String { last == end ? String(dropLast()).trimming(end) : self }
}
