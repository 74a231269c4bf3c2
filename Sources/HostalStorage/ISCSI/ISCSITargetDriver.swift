package import HostalProvisioning

/// A disk on a storage server, whether or not an initiator can reach it now.
package struct ISCSILUN: Hashable, Sendable {
    /// Without the pool's prefix.
    package var name: String
    /// In bytes; nil where there is a target with no storage behind it.
    package var size: Int64?
    /// The initiator that it was last offered to with `remember`.
    package var initiator: String?
    package var offer: ISCSIOffer?

    package init(name: String, size: Int64?, initiator: String?, offer: ISCSIOffer?) {
        self.name = name
        self.size = size
        self.initiator = initiator
        self.offer = offer
    }
}

/// What a target says of itself.
package struct ISCSIOffer: Hashable, Sendable {
    /// Of LUN 1; empty while an offer is half made.
    package var serial: String
    /// Who may log in.
    package var initiators: [String]

    package init(serial: String, initiators: [String]) {
        self.serial = serial
        self.initiators = initiators
    }
}

/// Who may reach a LUN.
package struct ISCSIAccess: Sendable {
    /// The one initiator.
    package var initiator: String
    package var user: String
    package var password: String
    /// Whether `ISCSILUN.initiator` tells it later.
    package var remember: Bool

    package init(initiator: String, user: String, password: String, remember: Bool) {
        self.initiator = initiator
        self.user = user
        self.password = password
        self.remember = remember
    }
}

/// What makes, offers and destroys LUNs on one kind of storage server: `tgtd` now, and what another one such as LIO or an array with a REST
/// interface would have to do. One target and LUN number 1 for each disk.
///
/// Every call is idempotent, is over within a bound, may be made by several hosts at once, and refuses what is not of this pool. Names consist of
/// a-z, 0-9, '-' and '.'. Throws an `ISCSIDriverError`; one that is no refusal may pass by itself.
package protocol ISCSITargetDriver: Sendable {
    /// For one piece of work on a disk, whose LUNs' names begin with its name. The first `luns` through it takes the turn; everything else through
    /// it is refused, as something that may pass, once somebody has taken a later one: a command that was given up and arrives late does
    /// nothing to what was done since.
    func turn(on disk: String) -> any ISCSITargetDriver

    /// LUNs and targets of the pool whose names start with `prefix`.
    func luns(startingWith prefix: String) async throws -> [ISCSILUN]

    /// A LUN that reads zeroes, whoever had its space before, and that nobody can reach yet. Refuses a name that exists.
    func create(_ name: String, size: Int64) async throws

    /// Lets exactly this initiator in, with this password, whoever was let in before; sessions that are open stay.
    func offer(_ name: String, as serial: String, to access: ISCSIAccess) async throws

    /// Ends every session, and lets nobody in any more. Absent is success; a target that serves something else is refused.
    func withdraw(_ name: String) async throws

    /// A LUN that is not on offer. Refuses a new name that exists.
    func rename(_ name: String, to new: String) async throws

    /// Makes a LUN that is not on offer `size` bytes long; what is new reads zeroes. Never shorter.
    func grow(_ name: String, to size: Int64) async throws

    /// Destroys a LUN that is not on offer so that nobody reads its bytes again. Absent is success.
    func delete(_ name: String) async throws

    func space() async throws -> PoolSpace

    /// Another one whenever the server may have forgotten what it offers. Costs next to nothing and waits for no other command: every host asks every
    /// few seconds.
    func incarnation() async throws -> String
}

package struct ISCSIDriverError: Error, Sendable, CustomStringConvertible {
    /// It will not pass by itself.
    package var isRefusal: Bool
    package var isFull: Bool
    package var description: String

    package init(_ description: String, isRefusal: Bool = false, isFull: Bool = false) {
        self.description = description
        self.isRefusal = isRefusal
        self.isFull = isFull
    }
}
