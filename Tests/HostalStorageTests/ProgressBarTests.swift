import HostalStorage
import Testing

@Suite struct ProgressBarTests {
    @Test func aLineShowsShareSizeRateAndTime() {
        let progress = TransferProgress(bytesDone: 50 << 20, bytesTotal: 100 << 20)
        #expect(
            ProgressBar(width: 80).line(progress, elapsed: .seconds(10))
                == "[###############---------------]  50%  50 MiB of 100 MiB  5 MiB/s  10 s left")
    }

    @Test func whatWasThereBeforeDoesNotCountAsSpeed() {
        let progress = TransferProgress(bytesDone: 50 << 20, bytesTotal: 100 << 20)
        #expect(
            ProgressBar(width: 80).line(progress, elapsed: .seconds(10), resumedFrom: 40 << 20).contains("1 MiB/s  50 s left"))
    }

    @Test func anUnknownLengthShowsNoShare() {
        let progress = TransferProgress(bytesDone: 3 << 30, bytesTotal: nil)
        #expect(ProgressBar(width: 80).line(progress, elapsed: .seconds(1)) == "3 GiB  3 GiB/s")
    }

    @Test(arguments: [0, 1, 10, 40, 60, 80, 200])
    func aLineFitsItsTerminal(_ width: Int) {
        for done in [0, 1, 99, 100] {
            let progress = TransferProgress(bytesDone: Int64(done) << 20, bytesTotal: 100 << 20)
            #expect(ProgressBar(width: width).line(progress, elapsed: .milliseconds(1500)).count <= width)
        }
    }

    @Test func nothingAtAllIsNoDivisionByZero() {
        #expect(ProgressBar(width: 80).line(TransferProgress(bytesDone: 0, bytesTotal: 0), elapsed: .zero) == "0 bytes")
    }

    @Test(arguments: [
        (Int64(0), "0 bytes"), (Int64(1023), "1023 bytes"), (Int64(1024), "1 KiB"), (Int64(5 << 29), "2.5 GiB"),
        (Int64(1 << 30) - 1, "1023.9 MiB"),
    ])
    func bytesAreReadable(_ count: Int64, _ text: String) { #expect(count.inBinaryUnits == text) }
}
