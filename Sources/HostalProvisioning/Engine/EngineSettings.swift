/// The engine's bounds. Every one is a setting; these are the defaults for production.
package struct EngineSettings: Sendable {
    /// How long a claim holds without renewal. Renewed every third of it; a worker that could not renew for three quarters of it ends.
    package var lease = Duration.seconds(30)
    /// How often the database is asked for due jobs. NOTIFY only makes it sooner.
    package var poll = Duration.seconds(1)
    /// Jobs that one worker runs at the same time.
    package var concurrency = 8
    /// Jobs that copy whole disks, of all workers of a host: fewer than `concurrency`.
    package var copiesAtOnce = 2
    /// The first pause after a failed attempt; doubles with each, up to `backOffLimit`, plus up to a quarter by chance.
    package var backOff = Duration.seconds(2)
    package var backOffLimit = Duration.seconds(60)
    /// Temporary failures of one step before the job unwinds; after the pivot, and in workflows without a way back, before it is stuck.
    package var attempts = 8
    /// How long undoing may be tried before the job is stuck.
    package var undoDeadline = Duration.seconds(3_600)
    /// How long an address rests before another server may get it.
    package var addressQuarantine = Duration.seconds(300)
    /// How long a disk is kept that a reinstall, or its undo, has replaced.
    package var keepWindow = Duration.seconds(86_400)
    /// How long to wait when another worker of this host holds the server's fence.
    package var fencePause = Duration.seconds(2)
    /// How often a step that is under way is attended to: what it reports is written down, and it is stopped if its order was cancelled.
    package var attendPause = Duration.seconds(1)
    /// How long a write whose outcome is unknown (PostgreSQL went away) is tried again: as long as the lease may be ours.
    package var writePause = Duration.milliseconds(200)

    package init() {}
}
