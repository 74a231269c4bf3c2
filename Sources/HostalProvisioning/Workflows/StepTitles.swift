extension Workflow {
    /// What people read for each step of any workflow, by the step's stored name.
    package static let titles: [String: String] = {
        let steps = all().flatMap(\.steps)
        return Dictionary(steps.map { ($0.name.text, $0.title) }, uniquingKeysWith: { first, _ in first })
    }()
}
