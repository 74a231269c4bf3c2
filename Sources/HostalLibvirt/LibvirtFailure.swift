import CLibvirt
import HostalProvisioning

/// What the adapter itself refuses; the action is added where it becomes a `Failure`.
struct Refusal: Error {
    var kind: Failure.Kind
    var cause: String
    var detail: String?

    /// `what` is a guest's `name` or `identity`.
    static func foreign(_ what: String) -> Refusal {
        Refusal(kind: .needsOperator, cause: "its \(what) belongs to a guest that is not this server's")
    }
}

extension LibvirtError {
    /// The domain is gone, or not in the state that this call needs.
    var isOvertaken: Bool { has(VIR_ERR_NO_DOMAIN) || has(VIR_ERR_OPERATION_INVALID) }

    /// The connection to libvirtd could not be made or is gone: the same call may succeed on a new one.
    var isConnectionLost: Bool {
        comes(from: VIR_FROM_RPC) || comes(from: VIR_FROM_REMOTE) && !has(VIR_ERR_INVALID_ARG)
            || [VIR_ERR_NO_CONNECT, VIR_ERR_INVALID_CONN, VIR_ERR_RPC, VIR_ERR_AUTH_UNAVAILABLE].contains(where: has)
            || has(VIR_ERR_INTERNAL_ERROR) && message.contains("client socket is closed")
    }

    /// QEMU could not log in to the disk's target: the storage server is down, or knows another password until the disk is published again.
    var isOfUnreachableDisk: Bool { has(VIR_ERR_INTERNAL_ERROR) && message.contains("iSCSI: Failed to connect") }

    var isOfSilentAgent: Bool { has(VIR_ERR_AGENT_UNRESPONSIVE) || has(VIR_ERR_AGENT_UNSYNCED) }

    /// The guest's agent said no.
    var isOfAgent: Bool { has(VIR_ERR_INTERNAL_ERROR) && message.contains("agent command") }

    /// Somebody else works on this guest, or the kernel was short of something: it may pass.
    var isBusy: Bool {
        // "Timed out during operation: cannot acquire state change lock" is VIR_ERR_OPERATION_TIMEOUT.
        [VIR_ERR_OPERATION_TIMEOUT, VIR_ERR_RESOURCE_BUSY, VIR_ERR_SYSTEM_ERROR, VIR_ERR_NO_MEMORY].contains(where: has)
    }
}

extension Failure {
    /// What the guest's agent would not do; whoever owns the guest can mend it, and reads how.
    init(agent error: LibvirtError, _ action: String) {
        self.init(
            .permanent, .guestDidNotAnswer,
            "\(action): its guest agent refused; update qemu-guest-agent in it, or reinstall it", cause: error)
    }

    /// `action` says what could not be done, to which thing: `cannot start server 42`.
    init(libvirt error: any Error, _ action: String) {
        switch error {
        case let failure as Failure:
            self = failure
        case let error as LibvirtError where error.isConnectionLost:
            self.init(.temporary, .serviceError, "\(action): the hypervisor does not answer", cause: error)
        case let error as LibvirtError where error.isBusy:
            self.init(.temporary, .serviceError, "\(action): the hypervisor is busy", cause: error)
        case let error as LibvirtError where error.isOfUnreachableDisk:
            self.init(.temporary, .serviceError, "\(action): its disk cannot be reached", cause: error)
        case let error as LibvirtError:
            self.init(.permanent, .serviceError, "\(action): the hypervisor refused", cause: error)
        case let error as Refusal:
            self.init(error.kind, .serviceError, "\(action): \(error.cause)", detail: error.detail)
        case let error as CopyFailure where error.isForWantOfRoom:
            self.init(.permanent, .storageFull, "\(action): there is no room for the copy", detail: error.cause)
        case let error as CopyFailure:
            self.init(.temporary, .serviceError, "\(action): the hypervisor gave up", detail: error.cause)
        case let error as NoAnswer:
            self.init(.temporary, .serviceError, "\(action): the hypervisor does not answer", cause: error)
        case is CancellationError:
            self.init(.temporary, .cancelled, "\(action): the worker is stopping")
        case let error as XMLError:
            self.init(.permanent, .invalidInput, "\(action): \(error)")
        default:
            self.init(.temporary, .serviceError, "\(action): internal error", cause: error)
        }
    }
}
