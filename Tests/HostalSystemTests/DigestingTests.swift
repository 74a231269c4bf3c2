import HostalSystem
import Testing

@Suite struct DigestingTests {
    private static let ofNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    private static let ofABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    private static let longOfABC =
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

    /// The examples of FIPS 180-2.
    @Test(arguments: [(Digesting.Algorithm.sha256, "", ofNothing), (.sha256, "abc", ofABC), (.sha512, "abc", longOfABC)])
    func publishedExamplesComeOut(_ algorithm: Digesting.Algorithm, _ text: String, _ expected: String) {
        var whole = Digesting(algorithm)
        Array(text.utf8).withUnsafeBytes { whole.update($0) }
        let (first, second) = (whole.hexadecimal(), whole.hexadecimal())
        #expect(first == expected)
        #expect(second == expected)
    }

    @Test func piecesGiveTheDigestOfTheWhole() {
        var pieces = Digesting(.sha256)
        for byte in Array("abc".utf8) { [byte].withUnsafeBytes { pieces.update($0) } }
        let digest = pieces.hexadecimal()
        #expect(digest == Self.ofABC)
    }
}
