import HostalModel
import HostalProvisioning
import Testing

@testable import HostalSeed

@Suite struct CloudConfigTests {
    @Test func everyStringIsReadBackAsTheSameStringWhateverItLooksLike() async throws {
        let document = try CloudConfig.mapping([
            .init(key: "values", value: .list(hostileTexts.map { .string($0) })),
            .init(key: "keys", value: .mapping(hostileTexts.map { .init(key: $0, value: .string($0)) })),
        ]).yaml()
        struct Document: Decodable, Equatable {
            var values: [String]
            var keys: [String: String]
        }
        let read = try decoded(Document.self, from: try await parsedByPyYAML(document))
        #expect(read.values == hostileTexts)
        #expect(read.keys == Dictionary(uniqueKeysWithValues: hostileTexts.map { ($0, $0) }))
    }

    @Test func numbersAndTruthValuesStayWhatTheyAre() async throws {
        let tree: CloudConfig = ["mtu": 1500, "dhcp4": false, "yes": "no"]
        #expect(try await parsedByPyYAML(tree.yaml()) == "{\"dhcp4\": false, \"mtu\": 1500, \"yes\": \"no\"}\n")
    }

    @Test func stringsStandInDoubleQuotesOnOneLine() throws {
        let tree: CloudConfig = ["instance-id": "i-1", "keys": ["a\nb", .string(String(repeating: "x y ", count: 100))]]
        #expect(
            try tree.yaml() == "instance-id: \"i-1\"\nkeys:\n- \"a\\nb\"\n- \"" + String(repeating: "x y ", count: 100) + "\"\n")
    }

    @Test func mergingJoinsMappingsAndReplacesTheRest() {
        let base: CloudConfig = ["a": ["x": 1, "y": ["1"]], "b": "kept"]
        let over: CloudConfig = ["a": ["y": ["2"], "z": true]]
        #expect(base.merging(over) == ["a": ["x": 1, "y": ["2"], "z": true], "b": "kept"])
    }
}

@Suite struct MetaDataTests {
    @Test func aHostileHostNameChangesNothingButItself() async throws {
        struct Document: Decodable, Equatable {
            var instanceID, hostname: String
            var keys: [String]
            enum CodingKeys: String, CodingKey {
                case instanceID = "instance-id"
                case hostname = "local-hostname"
                case keys = "public-keys"
            }
        }
        for text in hostileTexts {
            let read = try decoded(
                Document.self, from: try await parsedByPyYAML(MetaData.document(for: contents(hostname: text))))
            #expect(read == Document(instanceID: "hostal-17-1", hostname: text, keys: [key]))
        }
    }

    @Test(arguments: ["no comment", "\"quoted\"", "{{ jinja }}", "!tag", "]]>", "a: b # c", "é"])
    func anSSHKeyWithAnyOneLineCommentIsCarried(comment: String) async throws {
        let document = try MetaData.document(for: contents(sshKeys: ["ssh-ed25519 AAAA \(comment)"]))
        let read = try decoded([String: Lines].self, from: try await parsedByPyYAML(document))
        #expect(read["public-keys"] == .many(["ssh-ed25519 AAAA \(comment)"]))
    }

    @Test(arguments: ["a\nb", "a\r", "a\u{0}", "\u{85}", "a\u{2028}b", "a\u{2029}", "\u{1b}", ""])
    func anSSHKeyThatIsNotOneLineIsRefused(text: String) throws {
        let failure = try #require(throws: Failure.self) { try MetaData.document(for: contents(sshKeys: [key, text])) }
        #expect(failure.kind == .permanent)
        #expect(failure.code == .invalidInput)
        #expect(failure.message.hasPrefix("cannot write the server's seed: SSH key 2 of 2 "))
        #expect(!failure.message.contains("\n"))
    }

    @Test func oneKeyTooManyIsRefusedAndTheLastOneIsNot() throws {
        _ = try MetaData.document(for: contents(sshKeys: Array(repeating: key, count: MetaData.keyCountLimit)))
        #expect(throws: Failure.self) {
            try MetaData.document(for: contents(sshKeys: Array(repeating: key, count: MetaData.keyCountLimit + 1)))
        }
    }

    private enum Lines: Decodable, Equatable {
        case one(String)
        case many([String])
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let line = try? container.decode(String.self) {
                self = .one(line)
            } else {
                self = .many(try container.decode([String].self))
            }
        }
    }
}

@Suite struct UserDataTests {
    @Test func theCustomersDocumentIsUnchanged() throws {
        for text in hostileTexts { #expect(try UserData.document(for: contents(userData: text)) == text) }
        #expect(try UserData.document(for: contents(userData: nil)) == "#cloud-config\n{}\n")
    }

    @Test func oneByteAboveTheLimitIsRefused() throws {
        let largest = String(repeating: "é", count: UserData.sizeLimit / 2)
        #expect(try UserData.document(for: contents(userData: largest)) == largest)
        let failure = try #require(throws: Failure.self) { try UserData.document(for: contents(userData: largest + "x")) }
        #expect(failure.code == .invalidInput)
        #expect(failure.message == "cannot write the server's seed: user data is 65537 bytes; at most 65536 are accepted")
    }
}
