/// One file of `Migrations/`.
struct Migration: Sendable {
    var name: String
    var text: [UInt8]

    /// In the order in which they are applied. A file is added here when it is written, and never edited once it was released.
    ///
    /// SwiftPM names what it embeds after the file, with `_` for a leading digit and for each dot.
    static let all: [Migration] = [
        Migration(name: "0001_tables", text: PackageResources._001_tables_sql),
        Migration(name: "0002_checks", text: PackageResources._002_checks_sql),
        Migration(name: "0003_triggers", text: PackageResources._003_triggers_sql),
        Migration(name: "0004_orders", text: PackageResources._004_orders_sql),
        Migration(name: "0005_front_doors", text: PackageResources._005_front_doors_sql),
    ]
}
