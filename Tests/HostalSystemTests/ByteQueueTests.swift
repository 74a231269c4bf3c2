import HostalSystem
import Testing

@Suite struct ByteQueueTests {
    @Test func whatWasPutInComesOutInOrderAndOnce() async {
        let queue = ByteQueue(limit: 8)
        #expect(queue.append([1, 2]) && queue.append([3]))
        #expect(await queue.next() == [1, 2, 3])
        #expect(queue.append([4]))
        queue.close()
        #expect(await queue.next() == [4])
        #expect(await queue.next() == nil)
    }

    @Test func aReaderWaitsForBytesAndForTheEnd() async {
        let queue = ByteQueue(limit: 8)
        let reader = Task { [await queue.next(), await queue.next()] }
        #expect(queue.append([7]))
        queue.close()
        #expect(await reader.value == [[7], nil])
    }

    @Test func whatDoesNotFitIsRefusedWhole() async {
        let queue = ByteQueue(limit: 4)
        #expect(queue.append([1, 2, 3]))
        #expect(!queue.append([4, 5]))
        #expect(await queue.next() == [1, 2, 3])
        #expect(queue.append([1, 2, 3, 4]))
        queue.close()
        #expect(!queue.append([5]))
    }

    @Test func aCancelledReaderWaitsNoMore() async {
        let queue = ByteQueue(limit: 4)
        let reader = Task { await queue.next() }
        reader.cancel()
        #expect(await reader.value == nil)
    }
}
