import Glibc
import HostalSystem
import Testing

@Suite struct DirectoryTests {
    @Test(arguments: ["", "/", "relative", "/a/../b", "/a/./b", "/a//b", "/a/"])
    func aPathThatIsNotPlainIsNoDirectory(_ path: String) { #expect(Directory(path) == nil) }

    @Test(arguments: ["/a", "/srv/pool.d/a b", "/a/..b"])
    func aPlainPathIsADirectory(_ path: String) { #expect(Directory(path)?.path == path) }

    @Test func aFileIsWrittenWholeAndReplaced() throws {
        let root = try TestDirectory()
        try root.directory.write([1, 2, 3], as: "a")
        try root.directory.write([4], as: "a")
        #expect(try root.directory.read("a", limit: 1) == [4])
        #expect(try root.directory.names() == ["a"])
        #expect(try root.directory.size(of: "a") == 1)
    }

    @Test func aFileBeyondTheLimitIsAnErrorAndAnAbsentOneIsNil() throws {
        let root = try TestDirectory()
        try root.directory.write([1, 2], as: "a")
        #expect(throws: FileError("read", root.directory.path(of: "a"), code: EFBIG)) { try root.directory.read("a", limit: 1) }
        #expect(try root.directory.read("b", limit: 1) == nil)
        #expect(try root.directory.size(of: "b") == nil)
    }

    @Test func removingTwiceEqualsOnce() throws {
        let root = try TestDirectory()
        try root.directory.write([1], as: "a")
        try root.directory.remove("a")
        try root.directory.remove("a")
        #expect(try root.directory.names() == [])
    }

    @Test func aSymbolicLinkIsFollowedOnlyWhereThatIsAsked() throws {
        let root = try TestDirectory()
        try root.directory.write([7], as: "a")
        let link = root.directory.path(of: "link")
        #expect(symlink("a", link) == 0)
        let followed = try OpenFile(link, .readFollowingLinks).bytes(1, at: 0)
        #expect(followed == [7])
        #expect(throws: FileError("open", link, code: ELOOP)) { _ = try OpenFile(link, .read) }
    }

    @Test func aDirectoryIsNoFile() throws {
        let root = try TestDirectory()
        #expect(throws: FileError("open", root.directory.path, code: EINVAL)) { _ = try OpenFile(root.directory.path, .read) }
    }
}
