extension Workflow {
    /// A guest that has booted again. It is asked to shut down and then started: that it was off in between is what every worker can see,
    /// whoever asked, so a reboot never needs a second one to be sure.
    package static func rebootServer(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        Workflow(
            name: "reboot-server", version: 1,
            steps: [
                AnyStep(LookAtGuest()), AnyStep(ShutDownGuest(patience: settings.patience)), AnyStep(BootGuest()),
                AnyStep(AwaitReboot()),
            ],
            pivot: AwaitReboot.name, deadline: settings.deadline)
    }

    package static func resetServer(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        single("reset-server", AnyStep(ResetGuest()), deadline: settings.quickDeadline)
    }

    package static func startServer(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        single("start-server", AnyStep(PowerOnGuest()), deadline: settings.quickDeadline)
    }

    package static func stopServer(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        single("stop-server", AnyStep(PowerOffGuest()), deadline: settings.quickDeadline)
    }

    /// The step has the deadline that customers see; this one is beyond any.
    package static func shutdownServer(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        single(
            "shutdown-server", AnyStep(AwaitShutdown(deadline: settings.shutdownDeadline)),
            deadline: max(settings.shutdownDeadline, ManageSettings.longestForce) + settings.quickDeadline)
    }

    package static func resetPassword(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        single(
            "reset-password", AnyStep(SetPassword(patience: settings.agentPatience)),
            deadline: settings.agentPatience + settings.quickDeadline)
    }

    /// One step with nothing to undo: it is the pivot, so that a failure ends the job and never leaves it stuck.
    private static func single(_ name: WorkflowName, _ step: AnyStep, deadline: Duration) -> Workflow {
        Workflow(name: name, version: 1, steps: [step], pivot: step.name, deadline: deadline)
    }

    /// Everything that a worker knows how to do.
    package static func all(createDeadline: Duration = .seconds(1_800), _ settings: ManageSettings = ManageSettings())
        -> [Workflow]
    {
        [
            .createServer(deadline: createDeadline), .deleteServer(keepDisksFor: settings.deletedKeepWindow),
            .reinstallServer(settings), .undoReinstall(settings), .resizeServer(settings), .growServer(settings),
            .purgeVolume(settings), .rebootServer(settings), .resetServer(settings),
            .shutdownServer(settings), .startServer(settings), .stopServer(settings), .resetPassword(settings),
            .suspendServer(settings), .resumeServer(settings), .captureImage(settings), .flattenDisk(settings),
        ]
    }
}
