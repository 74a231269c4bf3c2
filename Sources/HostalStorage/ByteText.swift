extension Int64 {
    /// A number of bytes for people: `20 GiB`, `2.5 GiB`, `512 bytes`. Rounded down to a tenth, so exact only where it says no tenth.
    package var inBinaryUnits: String {
        for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] where self >= 1 << shift {
            let tenth = (self % (1 << shift)) / 1024 * 10 / (1 << (shift - 10))
            return tenth == 0 ? "\(self >> shift) \(unit)" : "\(self >> shift).\(tenth) \(unit)"
        }
        return "\(self) bytes"
    }
}
