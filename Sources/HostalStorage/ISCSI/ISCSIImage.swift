import FoundationEssentials
package import HostalModel

/// A LUN as `qemu-img` must be told of it: the password is in a file that only root reads.
package struct ISCSIImage: Sendable, Hashable {
    package var portal: StoragePeer
    package var target: String
    package var lun: Int
    package var initiator: String
    package var user: String
    package var secretFile: String

    private static let secret = "chap"

    package init(portal: StoragePeer, target: String, lun: Int, initiator: String, user: String, secretFile: String) {
        self.portal = portal
        self.target = target
        self.lun = lun
        self.initiator = initiator
        self.user = user
        self.secretFile = secretFile
    }

    /// For `--object`.
    package var secretObject: String { "secret,id=\(Self.secret),file=\(secretFile)" }

    /// For `--image-opts` and `--target-image-opts`.
    package var options: String {
        "driver=raw,file.driver=iscsi,file.transport=tcp,file.portal=\(portal.host):\(portal.port),file.target=\(target),"
            + "file.lun=\(lun),file.user=\(user),file.password-secret=\(Self.secret),file.initiator-name=\(initiator)"
    }

    fileprivate struct Node: Encodable {
        struct File: Encodable {
            var driver = "iscsi"
            var transport = "tcp"
            var portal: String
            var target: String
            var lun: Int
            var user: String
            var secret: String
            var initiator: String

            enum CodingKeys: String, CodingKey {
                case driver, transport, portal, target, lun, user
                case secret = "password-secret"
                case initiator = "initiator-name"
            }
        }
        var driver = "raw"
        var file: File

        init(_ image: ISCSIImage) {
            file = File(
                portal: "\(image.portal.host):\(image.portal.port)", target: image.target, lun: image.lun, user: image.user,
                secret: ISCSIImage.secret, initiator: image.initiator)
        }
    }
}

extension ToolImage {
    static func iscsi(_ image: ISCSIImage) throws -> ToolImage {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ToolImage(
            name: "json:" + String(decoding: try encoder.encode(ISCSIImage.Node(image)), as: UTF8.self),
            reads: [image.secretFile], network: true, objects: ["--object", image.secretObject])
    }
}
