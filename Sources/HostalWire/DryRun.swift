/// What a request with `?dry_run=true` would have done. It has done nothing.
package struct DryRun: Codable, Hashable, Sendable {
    package var valid: Bool
    /// What would be done, in words and in order; empty when it takes effect at once.
    package var steps: [String]
    /// `none`, `reboot`, or `reinstall` (until the new system has started).
    package var downtime: String
    /// Nothing brings back what it takes away, or undoes what it adds.
    package var irreversible: Bool
    /// What stays as it is: `addresses`, `disk`, `labels`, `name`, `ssh_keys`, `user_data`, `earlier_disk`.
    package var keeps: [String]

    package init(
        valid: Bool = true, steps: [String], downtime: String, irreversible: Bool, keeps: [String]
    ) {
        self.valid = valid
        self.steps = steps
        self.downtime = downtime
        self.irreversible = irreversible
        self.keeps = keeps
    }
}
