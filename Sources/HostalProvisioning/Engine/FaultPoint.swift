/// A place in the engine where a test kills the worker. `workflow/step/moment`, for instance `create-server/clone-volume/after-effect`.
///
/// Moments: `before-intent after-intent inside-fence after-effect after-done` on the way forward, `before-undo after-undo-intent after-undo-effect
/// after-undone` on the way back.
package enum FaultMoment: String, Sendable, CaseIterable {
    case beforeIntent = "before-intent"
    case afterIntent = "after-intent"
    /// The server's fence is held, and the effect comes next.
    case insideFence = "inside-fence"
    case afterEffect = "after-effect"
    case afterDone = "after-done"
    case beforeUndo = "before-undo"
    case afterUndoIntent = "after-undo-intent"
    case afterUndoEffect = "after-undo-effect"
    case afterUndone = "after-undone"

    package static let forward: [FaultMoment] = [.beforeIntent, .afterIntent, .insideFence, .afterEffect, .afterDone]
    package static let unwinding: [FaultMoment] = [.beforeUndo, .afterUndoIntent, .afterUndoEffect, .afterUndone]
}

/// Told of every moment of every step. Does nothing in a release build: the assembly passes `{ _, _, _ in }`.
package typealias FaultProbe = @Sendable (WorkflowName, StepName, FaultMoment) throws -> Void
