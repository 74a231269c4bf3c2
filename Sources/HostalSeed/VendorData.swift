import FoundationEssentials

/// What the hoster tells every guest, and root's password where one was ordered, as a MIME message: cloud-init keeps a message's parts apart, whereas a list in
/// one document replaces the same list in another. The customer's `runcmd`, `write_files` or `bootcmd` therefore never replaces the
/// part that reports the boot.
enum VendorData {
    /// Cannot occur in base64, so no part can end early.
    private static let boundary = "==hostal=="

    static let refusals: SeedTemplate.Refusals = [
        "hostname": "is the customer's choice and comes with each seed; leave it out",
        "fqdn": "is the customer's choice and comes with each seed; leave it out",
        "ssh_authorized_keys": "would open every customer's server with one key; leave it out",
        "password": "would give every customer's server one password; leave it out",
        "chpasswd": "would give every customer's server one password; leave it out",
        "merge_how": "would change how the customer's own document is read; leave it out",
        "merge_type": "would change how the customer's own document is read; leave it out",
    ]

    static func document(config: String, report: String, passwordHash: String? = nil) throws -> String {
        var parts = [
            part("cloud-config", named: "hostal.yaml", "#cloud-config\n" + config),
            part("cloud-boothook", named: "hostal-report.sh", report),
        ]
        // A part of its own, so that the hoster's file need not know: a customer's document that has `chpasswd` wins, as with every key.
        if let passwordHash {
            parts.append(
                part("cloud-config", named: "hostal-password.yaml", "#cloud-config\n" + (try password(passwordHash).yaml())))
        }
        return """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary="\(boundary)"

            \(parts.joined())--\(boundary)--

            """
    }

    static func password(_ hash: String) -> CloudConfig {
        ["chpasswd": ["expire": false, "users": .list([["name": "root", "password": .string(hash), "type": "hash"]])]]
    }

    private static func part(_ type: String, named name: String, _ text: String) -> String {
        """
        --\(boundary)
        Content-Type: text/\(type); charset="utf-8"
        Content-Transfer-Encoding: base64
        Content-Disposition: attachment; filename="\(name)"

        \(Data(text.utf8).base64EncodedString(options: [.lineLength76Characters, .endLineWithLineFeed]))

        """
    }
}
