package import HostalModel

/// What a guest is told at its first boot.
package struct SeedContents: Hashable, Sendable {
    /// New for every create and reinstall: cloud-init runs again when it changes.
    package var instanceID: String
    package var hostname: String
    package var sshKeys: [String]
    /// The customer's document, byte for byte; nil for none.
    package var userData: String?
    /// Root's password as crypt(3) hashes it; nil leaves the image's.
    package var passwordHash: String?
    package var mac: MACAddress
    package var network: AddressAssignment

    package init(
        instanceID: String, hostname: String, sshKeys: [String], userData: String?, passwordHash: String? = nil, mac: MACAddress,
        network: AddressAssignment
    ) {
        self.instanceID = instanceID
        self.hostname = hostname
        self.sshKeys = sshKeys
        self.userData = userData
        self.passwordHash = passwordHash
        self.mac = mac
        self.network = network
    }
}

package struct StoredSeed: Hashable, Sendable, Codable {
    package var path: String
    package init(path: String) { self.path = path }
}

/// Seeds on one host, one for each disk: NoCloud ISO images, readable by root and the guest's QEMU only.
package protocol SeedStore: Sendable {
    /// Writes the seed of this disk whole (temporary name, sync, rename). The same contents written twice give the same bytes.
    func write(_ contents: SeedContents, for disk: VolumeName) async throws -> StoredSeed
    /// Absent is success.
    func remove(for disk: VolumeName) async throws
    /// Of every generation. Absent is success.
    func removeAll(of guest: GuestID) async throws
    func remains(of guest: GuestID) async throws -> [String]
}
