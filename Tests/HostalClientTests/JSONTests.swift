import HostalClient
import Testing

@Suite struct JSONTests {
    private func parse(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

    @Test(arguments: [
        #"{"b":1,"a":[1.50,-0,1e3,{"é":null}],"c":"x\"y\\z","d":true,"e":{},"f":[]}"#, "[]", "\"\"", "0",
        "12345678901234567890.10",
    ])
    func whatIsReadIsWrittenAsItWas(_ text: String) throws {
        #expect(try parse(text).compact == text)
        #expect(try parse(try parse(text).indented) == parse(text))
    }

    @Test(arguments: [
        ("", "ends too early"), ("{", "name is missing"), ("{\"a\" 1}", "colon"), ("[1,]", "value is missing"),
        ("[1 2]", "comma"),
        ("01", "starts with zero"), ("1.", "value is missing"), ("+1", "value is missing"), ("nul", "value is missing"),
        ("\"a", "no end"), ("\"\u{01}\"", "control character"), ("\"\\x\"", "escape"), ("\"\\u12g4\"", "hexadecimal"),
        ("1 2", "more after"),
        (String(repeating: "[", count: 65), "nested"), ("\"\\u+123\"", "hexadecimal"),
    ])
    func whatIsNoJSONIsRefusedWithItsPlace(_ text: String, _ reason: String) {
        #expect { try parse(text) } throws: { "\($0)".contains(reason) && "\($0)".contains("at byte") }
    }

    @Test func escapesBecomeCharacters() throws {
        #expect(try parse(#""\u00e9\ud83d\ude00\n\ud800""#).string == "é😀\n\u{FFFD}")
    }

    @Test func sixtyFourLevelsAreRead() throws {
        _ = try parse(String(repeating: "[", count: 64) + String(repeating: "]", count: 64))
    }

    @Test func noControlCharacterIsWritten() {
        #expect(JSON.string("a\u{1B}[31m\u{9B}").compact == #""a\u001b[31m\u009b""#)
    }

    @Test func whatIsAbsentIsNull() {
        let value: JSON = ["a": ["b": "c"]]
        #expect(value["a"]["b"].string == "c" && value["x"]["y"].isNull && value["a"]["b"]["z"].isNull)
    }
}
