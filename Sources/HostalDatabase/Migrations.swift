/// One file of `Migrations/`.
struct Migration: Sendable {
    var name: String
    var text: [UInt8]

    /// In the order in which they are applied. A file is added here when it is written, and never edited once it was released.
    ///
    /// SwiftPM names what it embeds after the file, with `_` for a leading digit and for each dot.
    static let all: [Migration] = [
        Migration(name: "0001_tables", text: PackageResources._001_tables_sql),
        Migration(name: "0002_place_order", text: PackageResources._002_place_order_sql),
        Migration(name: "0003_manage", text: PackageResources._003_manage_sql),
        Migration(name: "0004_manage_orders", text: PackageResources._004_manage_orders_sql),
        Migration(name: "0005_api_indexes", text: PackageResources._005_api_indexes_sql),
        Migration(name: "0006_console", text: PackageResources._006_console_sql),
        Migration(name: "0008_holds", text: PackageResources._008_holds_sql),
        Migration(name: "0009_pools", text: PackageResources._009_pools_sql),
        Migration(name: "0010_placement", text: PackageResources._010_placement_sql),
        Migration(name: "0011_operators", text: PackageResources._011_operators_sql),
        Migration(name: "0012_deleted_disks", text: PackageResources._012_deleted_disks_sql),
        Migration(name: "0013_server_counts", text: PackageResources._013_server_counts_sql),
        Migration(name: "0014_storage_class", text: PackageResources._014_storage_class_sql),
        Migration(name: "0015_made_images", text: PackageResources._015_made_images_sql),
    ]
}
