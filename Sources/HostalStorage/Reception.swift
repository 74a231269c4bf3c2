import HostalSystem

/// One HTTP answer on its way into a `PartFile`: decides whether it goes on with what is there or starts over. For one thread at a time.
final class Reception {
    let part: PartFile
    /// Why nothing more is accepted.
    private(set) var error: (any Error)?
    private let limit: Int64
    private let began: (String?) throws -> Void
    private let admit: (Int64) throws -> Void
    private let progress: TransferProgress.Observer
    private var answer = Answer()
    private var isAccepted = false

    /// What the header lines of the latest answer say: each redirect brings one.
    private struct Answer {
        var status = 0
        var entityTag: String?
        var modified: String?
        /// Of this answer's body.
        var length: Int64?
        /// The offset that a 206 starts at.
        var start: Int64 = 0

        /// Only a strong tag promises the same bytes; a date is as good as servers' clocks.
        var validator: String? { entityTag.flatMap { $0.hasPrefix("W/") ? nil : $0 } ?? modified }
    }

    init(
        into part: PartFile, limit: Int64, began: @escaping (String?) throws -> Void, admit: @escaping (Int64) throws -> Void,
        progress: @escaping TransferProgress.Observer
    ) {
        self.part = part
        self.limit = limit
        self.began = began
        self.admit = admit
        self.progress = progress
    }

    func forgetAnswer() {
        answer = Answer()
        isAccepted = false
    }

    func note(header line: String) {
        let line = line.trimmingSuffix { $0.isWhitespace }
        if line.hasPrefix("HTTP/") {
            answer = Answer()
            answer.status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
            return
        }
        guard let colon = line.firstIndex(of: ":") else { return }
        let value = String(line[line.index(after: colon)...].drop { $0.isWhitespace })
        switch line[..<colon].lowercased() {
        case "etag": answer.entityTag = value
        case "last-modified": answer.modified = value
        case "content-length": answer.length = Int64(value)
        case "content-range": answer.start = value.split { $0 == " " || $0 == "-" }.dropFirst().first.flatMap { Int64($0) } ?? -1
        default: break
        }
    }

    /// False when the download must stop: `error` says why.
    func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do {
            if !isAccepted { try begin() }
            guard part.count + Int64(bytes.count) <= limit else { throw tooLarge(part.count + Int64(bytes.count)) }
            try part.append(bytes)
        } catch {
            self.error = error
            return false
        }
        progress(TransferProgress(bytesDone: part.count, bytesTotal: total))
        return true
    }

    private var total: Int64?

    private func begin() throws {
        let goesOn = answer.status == 206 && answer.start == part.count
        if answer.status == 206 && !goesOn {
            throw ImageRefusal("the image server sent another part of the file than it was asked for")
        }
        if !goesOn { try part.restart() }
        total = answer.length.map { part.count + $0 }
        if let total {
            guard total <= limit else { throw tooLarge(total) }
            try admit(total)
        }
        try began(answer.validator)
        isAccepted = true
    }

    private func tooLarge(_ size: Int64) -> ImageRefusal {
        ImageRefusal("its file has \(size.inBinaryUnits) or more; at most \(limit.inBinaryUnits) are accepted")
    }
}

extension StringProtocol {
    fileprivate func trimmingSuffix(while isTrailing: (Character) -> Bool) -> SubSequence {
        var end = endIndex
        while end > startIndex, isTrailing(self[index(before: end)]) { end = index(before: end) }
        return self[..<end]
    }
}
