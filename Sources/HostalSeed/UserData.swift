import HostalProvisioning

/// The customer's own document, byte for byte: it is never parsed, merged or rendered here.
enum UserData {
    /// The most that a customer's document holds, in bytes: what other clouds take, and far below what cloud-init reads at ease.
    static let sizeLimit = 64 << 10

    /// NoCloud takes no seed without user data: this says nothing.
    static let none = "#cloud-config\n{}\n"

    static func document(for contents: SeedContents) throws -> String {
        let document = contents.userData ?? none
        guard document.utf8.count <= sizeLimit else {
            throw refused("user data is \(document.utf8.count) bytes; at most \(sizeLimit) are accepted")
        }
        return document
    }
}
