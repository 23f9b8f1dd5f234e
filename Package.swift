// swift-tools-version: 6.2

import PackageDescription

/// The settings of every Swift target of this package: one list, applied by the loop at the end.
let houseSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncAlgorithms = Target.Dependency.product(name: "AsyncAlgorithms", package: "swift-async-algorithms")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioConcurrency = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "officeshare",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "officeshare", targets: ["officeshare"]),
        .executable(name: "officeshared", targets: ["officeshared"]),
        .executable(name: "officeshare-begin", targets: ["officeshare-begin"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.1.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: [.defaults, "YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C, behind one narrow door each: module maps and inline shims, no logic.
        .systemLibrary(name: "CCUPS"),
        .systemLibrary(name: "CDNSSD"),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CZlib"),

        // The rooms, lowest first. Imports only go down.
        .target(name: "OfficeCore", dependencies: [crypto]),
        .target(name: "OfficeConfiguration", dependencies: ["OfficeCore", configuration, logging, yams]),
        .target(
            name: "OfficeSystem",
            dependencies: ["OfficeCore", "OfficeConfiguration", logging, serviceLifecycle, unixSignals]),
        .target(name: "OfficeDiscovery", dependencies: ["OfficeCore", "CDNSSD", "CLinux", logging, serviceLifecycle]),
        .target(name: "OfficeTrust", dependencies: ["OfficeCore", crypto, x509, asn1, logging, collections]),
        .target(name: "OfficeFolders", dependencies: ["OfficeCore", "CLinux", logging]),
        .target(
            name: "OfficeTransfer",
            dependencies: ["OfficeCore", "OfficeFolders", crypto, nioCore, nioPosix, logging, collections]),
        .target(
            name: "OfficeStore",
            dependencies: ["OfficeCore", "OfficeTrust", "OfficeFolders", "OfficeTransfer", crypto, cryptoExtras]),
        .target(name: "PrintPermit"),
        .target(
            name: "OfficePrinting",
            dependencies: [
                "OfficeCore", "OfficeTrust", "PrintPermit", "CCUPS", "CLinux", "CZlib", crypto, grdb, logging,
                nioCore, serviceLifecycle,
            ]),
        .target(
            name: "OfficeControl",
            dependencies: [
                "OfficeCore", "OfficeTransfer", nioCore, nioConcurrency, nioPosix, nioHTTP1, nioHTTPTypes,
                nioHTTPTypesHTTP1, httpTypes,
            ]),
        .target(
            name: "OfficeServer",
            dependencies: [
                "OfficeCore", "OfficeConfiguration", "OfficeSystem", "OfficeControl", "OfficeDiscovery", "OfficeTrust",
                "OfficeFolders", "OfficeTransfer", "OfficeStore", "OfficePrinting", "CLinux", asyncAlgorithms, grdb,
                httpTypes,
                hummingbird,
                hummingbirdCore, logging, nioCore, nioPosix, nioHTTP1, nioHTTPTypes, nioHTTPTypesHTTP1, nioSSL,
                serviceLifecycle, x509, crypto, collections,
            ]),

        // The programs.
        .executableTarget(
            name: "officeshared",
            dependencies: [
                "OfficeCore", "OfficeConfiguration", "OfficeSystem", "OfficeServer", argumentParser, logging,
            ]),
        .target(
            name: "OfficeCommands",
            dependencies: [
                "OfficeCore", "OfficeControl", "OfficeFolders", "OfficeTransfer", "CLinux", argumentParser, httpTypes,
                nioCore,
                nioPosix,
            ]),
        .executableTarget(name: "officeshare", dependencies: ["OfficeCommands"]),
        // A filter of CUPS's, started with every document: small.
        .executableTarget(name: "officeshare-begin", dependencies: ["PrintPermit", "CCUPS"]),

        // The lab: an office of real hosts in network namespaces, for tests, demo and bench.
        .target(name: "OfficeLab", dependencies: ["OfficeCore", "CLinux"], path: "Tests/OfficeLab"),
        .executableTarget(
            name: "officelab", dependencies: ["OfficeLab", "OfficeCore", argumentParser],
            path: "Tests/officelab"),

        .testTarget(name: "OfficeCoreTests", dependencies: ["OfficeCore"]),
        // Discovery on one host of a test LAN: what the tests and the lab start inside namespaces.
        .executableTarget(
            name: "discoveryprobe",
            dependencies: ["OfficeDiscovery", "OfficeCore", argumentParser, logging, serviceLifecycle],
            path: "Tests/discoveryprobe"),
        .testTarget(
            name: "OfficeDiscoveryTests", dependencies: ["OfficeDiscovery", "OfficeCore", "discoveryprobe"]),
        // A print desk whose office is a folder, and the printer endpoint as a program with it.
        .target(
            name: "BoothDesk", dependencies: ["OfficePrinting", "OfficeCore", "OfficeTrust", nioCore],
            path: "Tests/BoothDesk"),
        .executableTarget(
            name: "printerbooth",
            dependencies: [
                "BoothDesk", "OfficeServer", "OfficePrinting", "OfficeConfiguration", "OfficeCore", argumentParser,
                logging, nioPosix, serviceLifecycle,
            ], path: "Tests/printerbooth"),
        .testTarget(name: "OfficeTrustTests", dependencies: ["OfficeTrust", "OfficeCore", asn1, crypto, x509]),
        .testTarget(
            name: "OfficePrintingTests",
            dependencies: [
                "OfficePrinting", "OfficeLab", "BoothDesk", "printerbooth", "officeshare-begin", "PrintPermit",
                "OfficeCore", "OfficeTrust", nioCore, crypto,
            ]),
        .testTarget(name: "OfficeFoldersTests", dependencies: ["OfficeFolders", "OfficeCore", "CLinux"]),
        .testTarget(
            name: "OfficeTransferTests",
            dependencies: ["OfficeTransfer", "OfficeFolders", "OfficeCore", nioCore, crypto]),
        .testTarget(
            name: "OfficeStoreTests",
            dependencies: ["OfficeStore", "OfficeTransfer", "OfficeTrust", "OfficeFolders", "OfficeCore", nioCore]),
        .testTarget(
            name: "officeshareTests",
            dependencies: ["OfficeCommands", "OfficeControl", "OfficeCore", "officeshare", argumentParser]),
        .testTarget(
            name: "OfficeServerTests",
            dependencies: [
                "OfficeServer", "OfficeControl", "OfficeCore", "OfficeTransfer", "OfficeTrust", logging, nioCore,
                nioEmbedded,
            ]),
        .testTarget(
            name: "officesharedTests",
            dependencies: [
                "OfficeConfiguration", "OfficeSystem", "OfficeCore", configuration, logging, serviceLifecycle, yams,
            ]),
        .testTarget(name: "LabTests", dependencies: ["OfficeLab", "OfficeTrust", "OfficeCore"]),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = houseSettings
}
