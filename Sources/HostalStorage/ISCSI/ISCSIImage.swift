package import HostalModel

/// A LUN as `qemu-img` must be told of it: the password is in a file that only root reads.
package struct ISCSIImage: Sendable, Hashable {
    package var portal: StoragePeer
    package var target: String
    package var lun: Int
    package var initiator: String
    package var user: String
    package var secretFile: String

    package init(portal: StoragePeer, target: String, lun: Int, initiator: String, user: String, secretFile: String) {
        self.portal = portal
        self.target = target
        self.lun = lun
        self.initiator = initiator
        self.user = user
        self.secretFile = secretFile
    }

    /// For `--object`.
    package var secretObject: String { "secret,id=chap,file=\(secretFile)" }

    /// For `--image-opts` and `--target-image-opts`.
    package var options: String {
        "driver=raw,file.driver=iscsi,file.transport=tcp,file.portal=\(portal.host):\(portal.port),file.target=\(target),"
            + "file.lun=\(lun),file.user=\(user),file.password-secret=chap,file.initiator-name=\(initiator)"
    }
}
