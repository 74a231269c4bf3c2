import FoundationEssentials
package import HostalModel
package import HostalProvisioning
package import HostalSystem

/// Disks as LUNs of a storage server, each behind a target, a password and an access list of its own, opened by QEMU's own initiator.
///
/// A disk is made under another name and behind another target, and renamed when it is whole: a tool of a dead worker that still writes has a
/// target that is gone. Which initiator may reach a disk is decided when it is published. Needs root, and the pool's key file.
package actor ISCSIVolumes: VolumeStore {
    private let name: PoolName
    private let settings: ISCSIPoolSettings
    private let portal: StoragePeer
    let driver: any ISCSITargetDriver
    private let key: CHAPKey
    private let initiator: String
    private let images: Directory
    private let work: Directory
    private let headroom: Int64
    let qemuImg: QemuImg
    let slots: CopySlots
    /// When all that this host has published was last seen on offer, and in which life of the server.
    private var seen: (incarnation: String, at: ContinuousClock.Instant)?

    package static let defaultHeadroom: Int64 = 1 << 30
    /// The target has to be taken away while its LUN grows.
    package nonisolated let growsWhileRunning = false
    /// How soon a target is missed that was taken away while its server lived on.
    package static let roundInterval = Duration.seconds(60)
    /// How soon a copy notices that its target is gone.
    static let watchInterval = Duration.seconds(5)
    /// A storage server with less room, in bytes, is why a copy failed.
    private static let fullBelow: Int64 = 16 << 20
    private static let lun = 1
    /// Characters of a serial number; tgtd has room for 36.
    private static let serialLength = 32

    /// `host` is this host's name. `images` is the one directory that images may lie in; `work` is the pool's own on this host, for locks and
    /// for passwords while a tool needs them, and is made if it is absent. `headroom`, in bytes, is what clones leave free.
    package init(
        name: PoolName, settings: ISCSIPoolSettings, driver: any ISCSITargetDriver, host: String, images: Directory,
        work: Directory, headroom: Int64 = ISCSIVolumes.defaultHeadroom, sandbox: ToolSandbox = .required
    ) throws {
        qemuImg = QemuImg(sandbox: sandbox)
        // Of all pools of the host, which have this directory in common.
        slots = CopySlots(directory: images)
        try settings.validate()
        self.name = name
        self.settings = settings
        self.driver = driver
        portal = try settings.peer
        key = CHAPKey(path: settings.keyFile)
        initiator = "\(settings.initiatorPrefix):\(host.lowercased())"
        self.images = images
        self.work = work
        self.headroom = headroom
    }

    package func clone(
        _ image: StoredImage, to name: VolumeName, size: Gibibytes, report: @escaping CopyReport
    ) async throws -> Volume {
        try await doing("clone the image to a disk") {
            try image.check(in: images, fitsIn: size)
            let lock = try lock(name)
            let driver = turn(on: name)
            let volume = volume(name, size.bytes)
            let present = try await own(name, driver)
            try await removePartials(amongst: present, driver)
            let whole = present.first { $0.name == "\(name)" }
            if let found = whole?.size {
                guard found == size.bytes else {
                    throw mistaken(name, "it has \(found) bytes; \(size.bytes) bytes were expected")
                }
            } else {
                // A target without its storage is in the way; one of somebody else's is refused.
                if let whole { try await driver.withdraw(whole.name) }
                try await make(volume, from: image, driver, report)
            }
            lock.release()
            return volume
        }
    }

    package func grow(_ volume: Volume, to size: Gibibytes) async throws -> Volume {
        try await doing("grow the disk") {
            let lock = try lock(volume.name)
            let driver = turn(on: volume.name)
            let lun = try await existing(volume, driver)
            let present = lun.size ?? 0
            guard present <= size.bytes, volume.size <= size.bytes else {
                throw Failure(
                    .permanent, .invalidInput,
                    "cannot make the disk \(size) long: it has \(max(present, volume.size).inBinaryUnits), and a disk can only grow"
                )
            }
            if present < size.bytes {
                guard present == volume.size else {
                    throw mistaken(volume.name, "it has \(present) bytes; \(volume.size) bytes are recorded")
                }
                try await driver.withdraw(lun.name)
                try await driver.grow(lun.name, to: size.bytes)
            }
            lock.release()
            var grown = volume
            grown.size = size.bytes
            return grown
        }
    }

    package func size(of volume: Volume) async throws -> Int64 {
        try await doing("look at the disk") { try await existing(volume, driver).size ?? 0 }
    }

    package func publish(_ volume: Volume) async throws {
        try await doing("reach the disk") {
            let lock = try lock(volume.name)
            let driver = turn(on: volume.name)
            let lun = try await existing(volume, driver)
            try await offer(lun.name, of: volume.name, remember: true, driver)
            lock.release()
        }
    }

    /// tgtd forgets its targets when it ends, and guests that run go on once theirs are back. To look at each of them keeps other commands waiting,
    /// so it is done only where one may be missed.
    package func restore() async throws {
        try await doing("reach the disks again") {
            let now = (incarnation: try await driver.incarnation(), at: ContinuousClock.now)
            if let seen, seen.incarnation == now.incarnation, now.at - seen.at < Self.roundInterval { return }
            seen = nil
            // One that cannot be offered again holds up no other.
            var failure: (any Error)?
            var isWhole = true
            for lun in try await driver.luns(startingWith: "") where isMissed(lun) {
                do { if try await !restore(lun) { isWhole = false } } catch { failure = failure ?? error }
            }
            if let failure { throw failure }
            if isWhole { seen = now }
        }
    }

    /// Published by this host, and not on offer as it was.
    private func isMissed(_ lun: ISCSILUN) -> Bool {
        lun.initiator == initiator && (lun.offer?.serial != serial(of: lun.name) || lun.offer?.initiators != [initiator])
    }

    /// False for one that a job is working on: it is that job's to publish, unless it fails.
    private func restore(_ lun: ISCSILUN) async throws -> Bool {
        guard let name = VolumeName(lun.name) else { return true }
        guard let lock = try FileLock.take(lockPath(name)) else { return false }
        // Not what was seen before: the job may just have ended.
        let driver = turn(on: name)
        if let lun = try await own(name, driver).first(where: { $0.name == lun.name }), isMissed(lun) {
            try await offer(lun.name, of: name, remember: true, driver)
        }
        lock.release()
        return true
    }

    package func remove(_ name: VolumeName) async throws {
        try await doing("remove the disk") {
            let lock = try lock(name)
            let driver = turn(on: name)
            let present = try await own(name, driver)
            try await removePartials(amongst: present, driver)
            for lun in present where lun.name == "\(name)" { try await destroy(lun, driver) }
            try work.remove(secretFile(of: "\(name)"))
            lock.release()
        }
    }

    package func remains(of guest: GuestID) async throws -> [String] {
        try await doing("look for the server's disks") {
            try await driver.luns(startingWith: "\(guest)-").map { "\(settings.targetPrefix):\($0.name)" }
        }
    }

    package func secret(of guest: GuestID) async throws -> StorageSecret? {
        try await doing("open the disk") {
            StorageSecret(usage: .iscsi, name: StorageSecret.name(of: guest), value: Array(try key.password(of: guest).utf8))
        }
    }

    package func space() async throws -> PoolSpace {
        try await doing("look at the disk pool") { try await driver.space() }
    }

    private func volume(_ name: VolumeName, _ size: Int64) -> Volume {
        Volume(
            name: name, pool: self.name,
            source: .iscsi(
                portal: portal, target: "\(settings.targetPrefix):\(name)", lun: Self.lun, initiator: initiator,
                user: "\(name)", secret: StorageSecret.name(of: name.guest)),
            format: .raw, size: size, backing: nil)
    }

    func turn(on name: VolumeName) -> any ISCSITargetDriver { driver.turn(on: "\(name)") }

    /// LUNs of this volume, whole and partial.
    private func own(_ name: VolumeName, _ driver: any ISCSITargetDriver) async throws -> [ISCSILUN] {
        let found = try await driver.luns(startingWith: "\(name)")
            .filter { $0.name == "\(name)" || $0.name.hasPrefix("\(name).part-") }
        // Something else under our name is never reached, grown or destroyed.
        for lun in found {
            guard let offer = lun.offer, !offer.serial.isEmpty, offer.serial != serial(of: lun.name) else { continue }
            throw mistaken(name, "the LUN of \(settings.targetPrefix):\(lun.name) says that its serial number is \(offer.serial)")
        }
        return found
    }

    func existing(_ volume: Volume, _ driver: any ISCSITargetDriver) async throws -> ISCSILUN {
        guard let lun = try await own(volume.name, driver).first(where: { $0.name == "\(volume.name)" }), lun.size != nil else {
            throw mistaken(volume.name, "it is gone")
        }
        return lun
    }

    private func serial(of lun: String) -> String {
        var digest = Digesting(.sha256)
        Array("\(name)/\(lun)".utf8).withUnsafeBytes { digest.update($0) }
        return String("hostal\(digest.hexadecimal())".prefix(Self.serialLength))
    }

    func offer(
        _ lun: String, of volume: VolumeName, remember: Bool, _ driver: any ISCSITargetDriver
    ) async throws {
        try await driver.offer(
            lun, as: serial(of: lun),
            to: ISCSIAccess(
                initiator: initiator, user: lun, password: try key.password(of: volume.guest), remember: remember))
    }

    /// Under the lock no clone of this volume lives, so that every partial LUN of it is a dead one's.
    private func removePartials(amongst present: [ISCSILUN], _ driver: any ISCSITargetDriver) async throws {
        for lun in present where lun.name.contains(".part-") {
            try work.remove(secretFile(of: lun.name))
            try await destroy(lun, driver)
        }
    }

    private func destroy(_ lun: ISCSILUN, _ driver: any ISCSITargetDriver) async throws {
        try await driver.withdraw(lun.name)
        try await driver.delete(lun.name)
    }

    private func make(
        _ volume: Volume, from image: StoredImage, _ driver: any ISCSITargetDriver, _ report: @escaping CopyReport
    ) async throws {
        let available = try await driver.space().available
        // The most that a LUN can take of it, so that images are not read twice.
        let needed = image.virtualSize
        guard available >= needed + headroom else {
            throw Failure.full(cannot: "clone the image to a disk", available: available, needed: needed, headroom: headroom)
        }
        let partial = "\(volume.name).part-\(UUID().uuidString.lowercased().prefix(8))"
        do {
            try await driver.create(partial, size: volume.size)
            try await offer(partial, of: volume.name, remember: false, driver)
            try await withTool(on: partial, of: volume.name) { [qemuImg] target in
                try await qemuImg.fill(
                    target, from: .file(image.path, ImportFormat(image.format)), size: image.virtualSize
                ) { report($0.words(for: QemuImg.copyOfDisk)) }
            }
            try await driver.withdraw(partial)
            try await driver.rename(partial, to: "\(volume.name)")
        } catch {
            // The initiator hears of an error and not which: so whether there is room left is asked while the LUN still takes it.
            let left = try? await driver.space().available
            // What cannot be removed now is removed by the next clone, or with the server.
            try? await driver.withdraw(partial)
            try? await driver.delete(partial)
            if error is CommandError, let left, left < Self.fullBelow {
                throw Failure.full(cannot: "clone the image to a disk", available: left, needed: needed, headroom: headroom)
            }
            throw error
        }
    }

    /// A file in `work`. One that a killed worker left goes with its LUN.
    private func secretFile(of lun: String) -> String { "\(lun).chap" }

    /// For a tool that reads or writes all of a LUN that is on offer to this host: it ends with the offer.
    func withTool(
        on lun: String, of volume: VolumeName, _ body: @escaping @Sendable (ISCSIImage) async throws -> Void
    ) async throws {
        let secret = secretFile(of: lun)
        try OpenFile(work.path(of: secret), .update).write(text: try key.password(of: volume.guest))
        defer { try? work.remove(secret) }
        let image = ISCSIImage(
            portal: portal, target: "\(settings.targetPrefix):\(lun)", lun: Self.lun, initiator: initiator, user: lun,
            secretFile: work.path(of: secret))
        try await withThrowingTaskGroup(of: Void.self) { [driver] group in
            group.addTask { try await body(image) }
            group.addTask {
                // QEMU's initiator waits for a target that is gone for ever.
                repeat { try await Task.sleep(for: Self.watchInterval) } while try await Self.isOnOffer(lun, driver)
                throw ISCSIDriverError("the storage server was restarted while the disk was copied")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private static func isOnOffer(_ lun: String, _ driver: any ISCSITargetDriver) async throws -> Bool {
        try await driver.luns(startingWith: lun).contains { $0.name == lun && $0.offer != nil }
    }

    private func lockPath(_ name: VolumeName) throws(FileError) -> String {
        try work.makeForOwner()
        return work.path(of: "\(name).lock")
    }

    func lock(_ name: VolumeName) throws -> FileLock {
        guard let lock = try FileLock.take(lockPath(name)) else {
            throw Failure(.temporary, .serviceError, "cannot change the disk: another job is working on it")
        }
        return lock
    }

    private func mistaken(_ volume: VolumeName, _ problem: String) -> Failure {
        Failure(
            .needsOperator, .serviceError, "cannot use the disk that is already there: it is not the one that was ordered",
            detail: "disk \(volume): \(problem)")
    }

    /// Every failure names the pool to operators.
    func doing<Value: Sendable>(_ action: String, _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch {
            var failure = Failure(iscsi: error, cannot: action)
            failure.detail = "pool '\(name)'" + (failure.detail.map { ": \($0)" } ?? "")
            throw failure
        }
    }
}

extension VolumeName {
    /// Nil unless it is a whole volume's `description`.
    fileprivate init?(_ text: String) {
        guard let dash = text.lastIndex(of: "-"), let uuid = UUID(uuidString: String(text[..<dash])),
            let generation = Int(text[text.index(after: dash)...])
        else { return nil }
        self.init(guest: GuestID(uuid), generation: generation)
    }
}

extension Failure {
    fileprivate init(iscsi error: any Error, cannot action: String) {
        switch error {
        case let error as ISCSIDriverError where error.isFull:
            self.init(.permanent, .storageFull, "cannot \(action): the disk pool is full", cause: error)
        case let error as ISCSIDriverError where error.isRefusal:
            self.init(.needsOperator, .serviceError, "cannot \(action): the disk pool refused", cause: error)
        case let error as ISCSIDriverError:
            self.init(.temporary, .serviceError, "cannot \(action): the disk pool does not answer", cause: error)
        default:
            self.init(storage: error, cannot: action)
        }
    }
}

extension OpenFile {
    fileprivate func write(text: String) throws(FileError) {
        try truncate(to: 0)
        let outcome: Result<Void, FileError> = Array(text.utf8).withUnsafeBytes { bytes in
            Result { () throws(FileError) in try write(bytes, at: 0) }
        }
        try outcome.get()
    }
}
