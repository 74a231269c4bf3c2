/// What consoles may take.
package struct ConsoleLimits: Sendable {
    package var perAccount = 4
    /// Of this process.
    package var perProcess = 32
    /// A session whose output nobody has begun to read ends after this.
    package var attach = Duration.seconds(30)
    /// So does one in which nothing is typed and nothing is said.
    package var idle = Duration.seconds(900)
    package var lifetime = Duration.seconds(4 * 3_600)
    /// How often the above are looked at, and whether the token is still good.
    package var look = Duration.seconds(5)
    /// Bytes of one request to type.
    static let inputAtOnce = 4_096
    /// Bytes that a session takes in all: a guest that reads nothing leaves them in libvirtd's memory.
    static let inputInAll = 1 << 20
    /// Requests to type, of each token: twenty a second, more than anybody types.
    static let inputsPerHour = 72_000

    package init() {}
}
