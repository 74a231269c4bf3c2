import HostalLibvirt
import Testing

@Suite struct XMLElementTests {
    @Test func anEmptyElementIsOneTag() throws {
        #expect(try XMLElement("acpi").written() == "<acpi/>\n")
    }

    @Test func childrenAreIndentedAndNilAttributesLeftOut() throws {
        let element = XMLElement("a", ["b": "c", "d": nil], [XMLElement("e", text: "f")])
        #expect(try element.written() == "<a b=\"c\">\n  <e>f</e>\n</a>\n")
    }

    @Test func markupInTextAndAttributesStaysText() throws {
        let hostile = "<x>&amp;\"'']]>\n"
        let escaped = "&lt;x&gt;&amp;amp;&quot;&apos;&apos;]]&gt;&#10;"
        #expect(try XMLElement("a", ["b": hostile], text: hostile).written() == "<a b=\"\(escaped)\">\(escaped)</a>\n")
    }

    @Test(arguments: ["\t", "\u{20}", "\u{7F}", "é", "\u{D7FF}", "\u{E000}", "\u{FFFD}", "\u{10000}", "\u{10FFFF}"])
    func whatXMLCanHoldIsWritten(text: String) throws {
        #expect(try XMLElement("a", text: text).written().hasPrefix("<a>"))
    }

    @Test(arguments: ["\u{0}", "\u{1}", "\u{8}", "\u{B}", "\u{1F}", "\u{FFFE}", "\u{FFFF}"])
    func whatXMLCannotHoldIsRefused(text: String) {
        #expect(throws: XMLError.self) { try XMLElement("a", text: text).written() }
        #expect(throws: XMLError.self) { try XMLElement("a", ["b": text]).written() }
        #expect(throws: XMLError.self) { try XMLElement("a", [:], [XMLElement("b", text: text)]).written() }
    }
}
