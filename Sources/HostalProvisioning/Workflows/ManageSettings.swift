/// How long the workflows that manage a running server wait. Every one is a setting; these are the defaults for production.
package struct ManageSettings: Sendable {
    /// What a guest gets to shut down before its power is cut, in reboots, reinstalls, their undo and resizes.
    package var patience = Duration.seconds(60)
    /// When a shutdown without force has failed.
    package var shutdownDeadline = Duration.seconds(120)
    /// How long a guest's agent that does not answer is taken for one that is starting, when a password is set.
    package var agentPatience = Duration.seconds(120)
    /// For a whole reboot, reinstall, its undo or a resize, the guest's boot included.
    package var deadline = Duration.seconds(1_800)
    /// For orders that are done in moments unless the host does not answer.
    package var quickDeadline = Duration.seconds(300)
    /// For orders that copy a whole disk.
    package var copyDeadline = Duration.seconds(14_400)
    /// MiB per second that a disk of a guest that runs is flattened with.
    package var flattenSpeed = 50
    /// The longest time that an order may give a guest before its power is cut.
    package static let longestForce = Duration.seconds(3_600)

    /// How long the disks of a deleted server are kept; zero destroys them in the deletion itself.
    package var deletedKeepWindow = Duration.seconds(86_400)

    package init() {}
}
