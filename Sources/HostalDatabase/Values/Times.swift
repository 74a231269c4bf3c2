package import FoundationEssentials

/// As `timestamptz`, rounded to PostgreSQL's microseconds.
extension Date: PostgresEncodable, PostgresDecodable {
    package static var postgresType: UInt32 { PostgresType.timestamptz }
    /// PostgreSQL counts from the start of 2000, Foundation from the start of 2001.
    private static let secondsBetweenEpochs = 366.0 * 86_400

    package func encode(into bytes: inout [UInt8]) -> Bool {
        let microseconds = ((timeIntervalSinceReferenceDate + Self.secondsBetweenEpochs) * 1e6).rounded()
        // Beyond what fits PostgreSQL means -infinity and infinity.
        bytes.append(bigEndian: Int64(exactly: microseconds) ?? (microseconds < 0 ? Int64.min : Int64.max))
        return true
    }

    /// `infinity` and `-infinity` are read as Foundation's distant future and distant past.
    package init(_ cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.value(PostgresType.timestamptz, as: Date.self)
        guard let microseconds = bytes.bigEndian(Int64.self) else { throw cell.mismatch(Date.self) }
        switch microseconds {
        case .max: self = .distantFuture
        case .min: self = .distantPast
        default: self.init(timeIntervalSinceReferenceDate: Double(microseconds) / 1e6 - Self.secondsBetweenEpochs)
        }
    }
}

/// As `interval`, cut to PostgreSQL's microseconds; beyond ± 292,000 years it stays at that limit.
extension Duration: PostgresEncodable {
    package static var postgresType: UInt32 { PostgresType.interval }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, carry) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        bytes.append(bigEndian: overflow || carry ? (seconds < 0 ? Int64.min : Int64.max) : sum)
        bytes.append(bigEndian: Int32(0))  // days
        bytes.append(bigEndian: Int32(0))  // months
        return true
    }
}
