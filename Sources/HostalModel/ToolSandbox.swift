/// Whether tools that read disk images run in a sandbox.
package enum ToolSandbox: String, Sendable, Hashable, CaseIterable {
    /// They do, or they do not run.
    case required
    /// They run with limits on time, memory and file sizes only, and see all files of the host. For hosts whose kernel refuses namespaces.
    case none
}
