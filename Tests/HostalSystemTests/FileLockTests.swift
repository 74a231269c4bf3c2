import Glibc
import HostalSystem
import Testing

@Suite struct FileLockTests {
    private let root: TestDirectory
    private let path: String

    init() throws {
        root = try TestDirectory()
        path = root.directory.path(of: "a.lock")
    }

    /// True when the lock could be taken; it is let go again at once.
    private func isFree() throws -> Bool {
        guard let lock = try FileLock.take(path) else { return false }
        lock.release()
        return true
    }

    @Test func aLockIsTakenOnceUntilItIsLetGo() throws {
        let lock = try FileLock.take(path)
        #expect(try !isFree())
        lock?.release()
        #expect(try isFree())
        #expect(try root.directory.names() == [])
    }

    @Test func aFileThatADeadHolderLeftLocksNothing() throws {
        try root.directory.write([], as: "a.lock")
        #expect(try isFree())
    }

    @Test func theLockOfAKilledProcessIsFree() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let lock = try FileLock.take(path)
            kill(getpid(), SIGKILL)
            lock?.release()
        }
        #expect(try root.directory.names() == ["a.lock"])
        #expect(try isFree())
    }

    /// Holders that come and go unlink each other's files: a count that two of them change at once would lose increments.
    @Test func holdersNeverOverlap() async throws {
        let path = path
        let counter = root.directory.path(of: "count")
        try root.directory.write([0, 0], as: "count")
        let holders = 4
        let rounds = 200
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<holders {
                group.addTask {
                    var done = 0
                    let end = ContinuousClock.now + .seconds(60)
                    while done < rounds, ContinuousClock.now < end {
                        if let lock = try FileLock.take(path) {
                            let file = try OpenFile(counter, .update)
                            let bytes = try file.bytes(2, at: 0)
                            let count = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
                            await Task.yield()
                            try [UInt8((count + 1) >> 8), UInt8((count + 1) & 255)].withUnsafeBytes { try file.write($0, at: 0) }
                            lock.release()
                            done += 1
                        }
                        await Task.yield()
                    }
                }
            }
            try await group.waitForAll()
        }
        let total = holders * rounds
        #expect(try root.directory.read("count", limit: 2) == [UInt8(total >> 8), UInt8(total & 255)])
    }

    @Test func aLockInADirectoryThatIsNotThereIsAnError() {
        let error = #expect(throws: FileError.self) { _ = try FileLock.take("/nonexistent/a.lock") }
        #expect(error?.isAbsent == true)
    }
}
