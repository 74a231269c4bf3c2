// swift-tools-version: 6.2
import PackageDescription

/// What every target of ours is compiled with. Fault points exist only in debug builds: a release cannot be told to die.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .define("FAULT_POINTS", .when(configuration: .debug)),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "hostal",
    products: [
        .executable(name: "hostald", targets: ["hostald"]),
        .executable(name: "hostalctl", targets: ["hostalctl"]),
        .executable(name: "hostal", targets: ["hostal"]),
    ],
    traits: [
        // A minute of every cold build is BoringSSL: `swift build --disable-default-traits` does without.
        .trait(name: "TLS", description: "The API speaks TLS itself."),
        .default(enabledTraits: ["TLS"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.2"),
    ],
    targets: [
        // C libraries: headers and typed shims only.
        .systemLibrary(name: "CLibvirt", pkgConfig: "libvirt-qemu", providers: [.apt(["libvirt-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CLibisofs", pkgConfig: "libisofs-1", providers: [.apt(["libisofs-dev", "libburn-dev"])]),
        .systemLibrary(name: "CLibnfs", pkgConfig: "libnfs", providers: [.apt(["libnfs-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CHostalShims"),

        // L0 and L1: values, the engine, and the few things that talk to the kernel.
        .target(name: "HostalModel", swiftSettings: strict),
        .target(
            name: "HostalSystem",
            dependencies: ["CHostalShims", "CCrypto", .product(name: "Subprocess", package: "swift-subprocess")],
            swiftSettings: strict),
        .target(name: "HostalProvisioning", dependencies: ["HostalModel"], swiftSettings: strict),
        // The API's bodies, for its server and its clients.
        .target(name: "HostalWire", swiftSettings: strict),

        // L2: adapters. They never import each other.
        .target(
            name: "HostalDatabase",
            dependencies: ["CPostgres", "CHostalShims", "HostalModel", "HostalProvisioning", "HostalSystem"],
            resources: [.embedInCode("Migrations")],
            swiftSettings: strict),
        .target(
            name: "HostalLibvirt",
            dependencies: ["CLibvirt", "CHostalShims", "HostalModel", "HostalProvisioning", "HostalSystem"],
            swiftSettings: strict),
        .target(
            name: "HostalStorage",
            dependencies: ["CCurl", "CLibnfs", "HostalModel", "HostalProvisioning", "HostalSystem"],
            resources: [.embedInCode("Recipes")],
            swiftSettings: strict),
        .target(
            name: "HostalNetwork",
            dependencies: ["HostalModel", "HostalProvisioning", "HostalSystem"],
            resources: [.embedInCode("Rules")],
            swiftSettings: strict),
        .target(
            name: "HostalSeed",
            dependencies: ["CLibisofs", "HostalModel", "HostalProvisioning", "HostalSystem", yams],
            swiftSettings: strict),

        .target(name: "HostalConfiguration", dependencies: ["HostalModel", yams], swiftSettings: strict),

        // The customers' side: what knows the API from outside, and nothing of what is behind it.
        .target(name: "HostalClient", dependencies: ["CCurl"], swiftSettings: strict),
        .executableTarget(name: "hostal", dependencies: ["HostalClient", argumentParser], swiftSettings: strict),

        // L3: the customers' API. The HTTP server stops here: no other target sees it.
        .target(
            name: "HostalAPI",
            dependencies: [
                "CCrypt", "HostalDatabase", "HostalModel", "HostalProvisioning", "HostalSystem", "HostalWire",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird", condition: .when(traits: ["TLS"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["TLS"])),
            ],
            resources: [.embedInCode("Documents")],
            swiftSettings: strict),

        // L4: programs. Adapters meet here and nowhere else.
        .executableTarget(
            name: "hostald",
            dependencies: [
                "HostalAPI", "HostalConfiguration", "HostalDatabase", "HostalLibvirt", "HostalModel", "HostalNetwork",
                "HostalProvisioning", "HostalSeed", "HostalStorage", "HostalSystem", argumentParser,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "hostalctl",
            dependencies: [
                "HostalConfiguration", "HostalDatabase", "HostalModel", "HostalProvisioning", "HostalStorage", "HostalSystem",
                argumentParser,
            ],
            swiftSettings: strict),

        // The engine by itself, for Benchmarks/run. Not a package of its own: modules share through `package`.
        .executableTarget(
            name: "hostal-bench",
            dependencies: [
                "HostalDatabase", "HostalModel", "HostalProvisioning", "HostalStorage", "HostalSystem", "HostalTestKit",
                argumentParser,
            ],
            path: "Benchmarks/Steps",
            swiftSettings: strict),
        // The API beside a bare route, for Benchmarks/api.
        .executableTarget(
            name: "hostal-api-bench",
            dependencies: ["HostalAPI", "HostalDatabase", argumentParser, .product(name: "Hummingbird", package: "hummingbird")],
            path: "Benchmarks/API",
            swiftSettings: strict),
        .target(
            name: "HostalTestKit",
            dependencies: ["HostalDatabase", "HostalModel", "HostalProvisioning", "HostalSystem"],
            path: "Tests/HostalTestKit",
            swiftSettings: strict),
        .testTarget(name: "HostalModelTests", dependencies: ["HostalModel"], swiftSettings: strict),
        .testTarget(name: "HostalConfigurationTests", dependencies: ["HostalConfiguration"], swiftSettings: strict),
        .testTarget(name: "HostalSystemTests", dependencies: ["HostalSystem"], swiftSettings: strict),
        .testTarget(
            name: "HostalProvisioningTests", dependencies: ["HostalProvisioning", "HostalTestKit"],
            swiftSettings: strict),
        .testTarget(
            name: "HostalDatabaseTests", dependencies: ["HostalDatabase", "HostalTestKit"], swiftSettings: strict),
        .testTarget(
            name: "HostalLibvirtTests", dependencies: ["HostalLibvirt", "HostalTestKit"], swiftSettings: strict),
        .testTarget(
            name: "HostalStorageTests", dependencies: ["HostalStorage", "HostalTestKit"], swiftSettings: strict),
        .testTarget(
            name: "HostalNetworkTests", dependencies: ["HostalNetwork", "HostalTestKit"], swiftSettings: strict),
        .testTarget(name: "HostalSeedTests", dependencies: ["HostalSeed", "HostalTestKit"], swiftSettings: strict),
        .testTarget(name: "HostalClientTests", dependencies: ["HostalClient", "HostalTestKit"], swiftSettings: strict),
        .testTarget(
            name: "HostalCLITests",
            dependencies: [
                "HostalClient", "HostalDatabase", "HostalModel", "HostalSystem", "HostalTestKit", "HostalWire", "hostal",
                "hostalctl",
                "hostald",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "HostalAPITests",
            dependencies: [
                "HostalAPI", "HostalDatabase", "HostalModel", "HostalProvisioning", "HostalSystem", "HostalTestKit", "HostalWire",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "HostalDatabase", "HostalModel", "HostalProvisioning", "HostalSystem", "HostalTestKit", "hostal", "hostalctl",
                "hostald",
            ],
            swiftSettings: strict),
    ]
)
