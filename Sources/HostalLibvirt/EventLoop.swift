import CLibvirt
import Glibc
import HostalSystem

/// libvirt's event loop, one for the process, on a thread of its own. Without it there is no keepalive, and a libvirtd that hangs would
/// hang its callers for ever. It must run before the first connection is opened.
actor EventLoop {
    private static let shared = EventLoop()
    private static let pauseAfterError: useconds_t = 100_000

    private let executor = ThreadExecutor(name: "libvirt-events")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Starts the loop; the second call and later ones do nothing.
    static func start() { _ = shared }

    private init() {
        shim_silence()
        let registered = virEventRegisterDefaultImpl()
        precondition(registered == 0, "cannot start libvirt's event loop: \(LibvirtError.take("virEventRegisterDefaultImpl"))")
        Task { await self.run() }
    }

    private func run() {
        while true {
            if virEventRunDefaultImpl() < 0 { usleep(Self.pauseAfterError) }
        }
    }
}
