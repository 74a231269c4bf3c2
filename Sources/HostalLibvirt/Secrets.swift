import CLibvirt
import HostalProvisioning

/// Secrets that libvirt keeps in files that only root reads, and hands to QEMU.
extension LibvirtSession {
    /// libvirt knows this secret with this value afterwards. Private: nobody can ask libvirt for it.
    func put(_ secret: StorageSecret) throws {
        let document = try Self.document(of: secret)
        let handle = try find(secret.usage, secret.name) ?? define(document, of: secret)
        defer { virSecretFree(handle) }
        guard virSecretSetValue(handle, secret.value, secret.value.count, 0) == 0 else {
            throw LibvirtError.take("virSecretSetValue")
        }
    }

    /// Of two that define one secret at once libvirt refuses the second, which then finds the first's.
    private func define(_ document: String, of secret: StorageSecret) throws(LibvirtError) -> virSecretPtr {
        if let handle = virSecretDefineXML(pointer, document, 0) { return handle }
        let error = LibvirtError.take("virSecretDefineXML")
        guard let handle = try find(secret.usage, secret.name) else { throw error }
        return handle
    }

    func hasSecret(_ usage: StorageSecret.Usage, _ name: String) throws(LibvirtError) -> Bool {
        guard let handle = try find(usage, name) else { return false }
        virSecretFree(handle)
        return true
    }

    /// Absent is success.
    func removeSecret(_ usage: StorageSecret.Usage, _ name: String) throws(LibvirtError) {
        guard let handle = try find(usage, name) else { return }
        defer { virSecretFree(handle) }
        guard virSecretUndefine(handle) == 0 else {
            let error = LibvirtError.take("virSecretUndefine")
            guard error.has(VIR_ERR_NO_SECRET) else { throw error }
            return
        }
    }

    private func find(_ usage: StorageSecret.Usage, _ name: String) throws(LibvirtError) -> virSecretPtr? {
        if let handle = virSecretLookupByUsage(pointer, Self.type(of: usage), name) { return handle }
        let error = LibvirtError.take("virSecretLookupByUsage")
        // Drivers without secrets, such as libvirt's own test driver, have none.
        guard error.has(VIR_ERR_NO_SECRET) || error.has(VIR_ERR_NO_SUPPORT) else { throw error }
        return nil
    }

    private static func type(of usage: StorageSecret.Usage) -> Int32 {
        switch usage {
        case .iscsi: Int32(VIR_SECRET_USAGE_TYPE_ISCSI.rawValue)
        case .ceph: Int32(VIR_SECRET_USAGE_TYPE_CEPH.rawValue)
        }
    }

    private static func document(of secret: StorageSecret) throws -> String {
        let name = XMLElement(secret.usage == .iscsi ? "target" : "name", text: secret.name)
        return try XMLElement(
            "secret", ["ephemeral": "no", "private": "yes"],
            [XMLElement("usage", ["type": secret.usage.rawValue], [name])]
        ).written()
    }
}
