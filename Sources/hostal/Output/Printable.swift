extension String {
    /// Without what steers a terminal: texts of other people must not move the cursor or change the title.
    var printable: String {
        guard unicodeScalars.contains(where: Self.steers) else { return self }
        var text = ""
        for scalar in unicodeScalars { text.unicodeScalars.append(Self.steers(scalar) ? "\u{FFFD}" : scalar) }
        return text
    }

    private static func steers(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0A: false
        case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
