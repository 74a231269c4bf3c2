/// One line that shows a transfer: `[########------]  57%  210 MiB of 366 MiB  12.4 MiB/s  12 s left`. Pure: the caller decides whether
/// there is a terminal to show it on, and writes it after a carriage return.
package struct ProgressBar: Sendable {
    /// Columns of the terminal; a line never is longer.
    package var width: Int
    private static let barLimit = 30
    private static let barMinimum = 8

    package init(width: Int) { self.width = max(0, width) }

    /// `elapsed` counts from the start of this transfer; `resumedFrom` bytes were there before it.
    package func line(_ progress: TransferProgress, elapsed: Duration, resumedFrom: Int64 = 0) -> String {
        let milliseconds = elapsed.components.seconds * 1000 + elapsed.components.attoseconds / 1_000_000_000_000_000
        let moved = max(0, progress.bytesDone - resumedFrom)
        let rate = milliseconds > 0 ? Int64(Double(moved) / Double(milliseconds) * 1000) : 0
        var parts = [progress.bytesDone.inBinaryUnits]
        var share: Double?
        if let total = progress.bytesTotal, total > 0 {
            let done = min(1, Double(progress.bytesDone) / Double(total))
            share = done
            parts = ["\(Int(done * 100))%", "\(progress.bytesDone.inBinaryUnits) of \(total.inBinaryUnits)"]
        }
        if rate > 0 {
            parts.append("\(rate.inBinaryUnits)/s")
            if let total = progress.bytesTotal, total > progress.bytesDone {
                parts.append("\((total - progress.bytesDone + rate - 1) / rate) s left")
            }
        }
        let text = parts.joined(separator: "  ")
        let room = min(Self.barLimit, width - text.count - 4)
        guard let share, room >= Self.barMinimum else { return String(text.prefix(width)) }
        let filled = Int(Double(room) * share)
        return "[\(String(repeating: "#", count: filled))\(String(repeating: "-", count: room - filled))]  \(text)"
    }
}
