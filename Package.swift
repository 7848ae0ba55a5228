// swift-tools-version: 6.2
// One package: shared modules in Sources/, one folder a service in services/. docs/adr/0001 says why.
//
// ATELIER_ONLY=billing,ingress builds just these services, the shared modules and their tests, so that a team
// can build and test what it owns without compiling its neighbours. Unset: everything.
import PackageDescription

let only = Context.environment["ATELIER_ONLY"].map { Set($0.split(separator: ",").map(String.init)) }
let warningsAreErrors = Context.environment["ATELIER_WERROR"] != nil

let house: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .strictMemorySafety(),
        .treatWarning("UnrecognizedStrictLanguageFeatures", as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : [])

/// Whether this is the build of `make fuzz`, which is a package of its own, see `fuzzing`. Edges are counted but
/// no operands of comparisons: those took a third of the time, and no fewer edges are found without them.
let isFuzzing = Context.environment["ATELIER_FUZZ"] != nil
let instrumented: [SwiftSetting] =
    isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer", "-sanitize-coverage=edge,inline-8bit-counters,pc-table"])] : []

func settings(_ name: String) -> [SwiftSetting] {
    ["HTTP", "HTTPServer"].contains(name) ? house + instrumented : house
}

func isSelected(_ name: String) -> Bool { only?.contains(name) ?? true }

/// A shared module under Sources/ and, unless told otherwise, its tests under Tests/.
func library(_ name: String, _ uses: Target.Dependency..., tested: Bool = true) -> [Target] {
    var targets: [Target] = [
        .target(name: name, dependencies: uses, path: "Sources/\(name)", swiftSettings: settings(name))
    ]
    if tested && isSelected(name) {
        targets.append(tests(name, .target(name: name)))
    }
    return targets
}

func tests(_ name: String, _ uses: Target.Dependency...) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: uses + ["TestSupport"] + (name == "ProofKit" ? [] : ["ProofKit"]),
        path: "Tests/\(name)Tests",
        swiftSettings: house
    )
}

/// A service folder: code in Sources/, thirty lines of entry point in Main/, tests in Tests/.
///
/// - Parameter fixtures: Folders below Tests/ whose files the tests read by path.
func service(_ name: String, fixtures: [String] = [], _ uses: Target.Dependency...) -> [Target] {
    let folder = "services/\(name.lowercased())"
    guard isSelected(name.lowercased()) else { return [] }
    let library = Target.Dependency.target(name: "\(name)Service")
    return [
        .target(
            name: "\(name)Service",
            dependencies: serviceBase + uses,
            path: "\(folder)/Sources",
            swiftSettings: house
        ),
        .executableTarget(
            name: name.lowercased(),
            dependencies: [library, "ServiceKit"],
            path: "\(folder)/Main",
            swiftSettings: house
        ),
        .testTarget(
            name: "\(name)ServiceTests",
            dependencies: [library, "TestSupport", "ProofKit"] + serviceBase + uses,
            path: "\(folder)/Tests",
            exclude: fixtures,
            swiftSettings: house
        ),
    ]
}

let serviceBase: [Target.Dependency] = [
    "ServiceKit", "Contracts", "Jobs", "Postgres", "HTTPServer", "HTTPClient", "HTTP", "EventLoop", "Lifecycle",
    "Telemetry", "Configuration", "Cryptography", "Concurrency", "Time",
]

let systemLibraries: [Target] = [
    .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
    .systemLibrary(
        name: "CPostgres",
        path: "Sources/CPostgres",
        pkgConfig: "libpq",
        providers: [.apt(["libpq-dev"])]
    ),
    .systemLibrary(
        name: "CCurl",
        path: "Sources/CCurl",
        pkgConfig: "libcurl",
        providers: [.apt(["libcurl4-openssl-dev"])]
    ),
    .systemLibrary(
        name: "CNGHTTP2",
        path: "Sources/CNGHTTP2",
        pkgConfig: "libnghttp2",
        providers: [.apt(["libnghttp2-dev"])]
    ),
    .systemLibrary(
        name: "COpenSSL",
        path: "Sources/COpenSSL",
        pkgConfig: "libssl libcrypto",
        providers: [.apt(["libssl-dev"])]
    ),
]

let sharedModules: [Target] = [
    library("Time"),
    library("Concurrency", "CLinux", "Time"),
    library("Configuration", "Time"),
    library("Telemetry", "Time", "Concurrency"),
    library("Cryptography", "COpenSSL"),
    library("HTTP", "Time"),
    library("EventLoop", "CLinux", "Concurrency", "Time"),
    library("Lifecycle", "EventLoop", "Telemetry", "Concurrency", "Time"),
    library("HTTPServer", "HTTP", "EventLoop", "CLinux", "CNGHTTP2", "COpenSSL", "Telemetry", "Concurrency", "Time"),
    library("HTTPClient", "HTTP", "EventLoop", "CCurl", "Telemetry", "Concurrency", "Time", "Cryptography"),
    library("Postgres", "CPostgres", "COpenSSL", "EventLoop", "Telemetry", "Concurrency", "Time", "Cryptography"),
    library("FaultProxy", "Concurrency"),
    library("Contracts", "Time"),
    library("ModelCatalogue", "Contracts", "Cryptography"),
    library("ObjectStorage", "HTTP", "HTTPClient", "Cryptography", "Configuration", "Time"),
    library(
        "ServiceKit",
        "Contracts",
        "HTTPServer",
        "HTTPClient",
        "HTTP",
        "Postgres",
        "EventLoop",
        "Lifecycle",
        "Telemetry",
        "Configuration",
        "Cryptography",
        "Concurrency",
        "Time"
    ),
    library(
        "Jobs",
        "ServiceKit",
        "Contracts",
        "Postgres",
        "HTTPClient",
        "HTTP",
        "EventLoop",
        "Lifecycle",
        "Telemetry",
        "Concurrency",
        "Time"
    ),
    library("ProofKit", "Contracts", "ServiceKit", "Concurrency", "Time"),
    library(
        "LocalSystem",
        "ServiceKit",
        "Contracts",
        "HTTPClient",
        "EventLoop",
        "Lifecycle",
        "Telemetry",
        "Configuration",
        "Cryptography",
        "Concurrency",
        "Time",
        tested: false
    ),
    library(
        "TestSupport",
        "FaultProxy",
        "LocalSystem",
        "ObjectStorage",
        "ServiceKit",
        "Contracts",
        "Postgres",
        "HTTPServer",
        "HTTPClient",
        "HTTP",
        "EventLoop",
        "Telemetry",
        "Configuration",
        "Cryptography",
        "Concurrency",
        "Time",
        tested: false
    ),
].flatMap { $0 }

let tools: [Target] = [
    isSelected("sandbox")
        ? [
            .target(
                name: "Sandbox",
                dependencies: serviceBase,
                path: "Sources/Sandbox",
                exclude: ["README.md"],
                resources: [.copy("Resources")],
                swiftSettings: house
            ),
            .executableTarget(
                name: "sandbox",
                dependencies: ["Sandbox"] + serviceBase,
                path: "Sources/SandboxMain",
                swiftSettings: house
            ),
            tests(
                "Sandbox",
                "Sandbox",
                "HTTP",
                "HTTPClient",
                "HTTPServer",
                "Contracts",
                "EventLoop",
                "Time",
                "Concurrency",
                "Configuration",
                "Telemetry"
            ),
        ] : [],
    isSelected("atelier")
        ? [
            .target(
                name: "OperatorCLI",
                dependencies: ["LocalSystem", "ModelCatalogue"] + serviceBase,
                path: "Sources/OperatorCLI",
                swiftSettings: house
            ),
            .executableTarget(
                name: "atelier",
                dependencies: ["OperatorCLI"] + serviceBase,
                path: "Sources/OperatorCLIMain",
                swiftSettings: house
            ),
            tests(
                "OperatorCLI",
                "OperatorCLI",
                "Postgres",
                "Cryptography",
                "ServiceKit",
                "LocalSystem",
                "Contracts",
                "ModelCatalogue",
                "Time",
                "Configuration"
            ),
            tests("LocalSystem", "LocalSystem", "ServiceKit", "Contracts", "Cryptography", "Time", "Configuration"),
        ] : [],
    only == nil
        ? [.testTarget(name: "TidyTests", path: "Tests/TidyTests", swiftSettings: house)]
        : [],
].flatMap { $0 }

/// Benchmarks and proofs: a kit and one executable an area, `loadtest-<area>`, called by loadtest/<area>.mk.
func loadtest(_ area: String, needs service: String? = nil, _ uses: Target.Dependency...) -> [Target] {
    guard isSelected(service ?? "loadtest") else { return [] }
    return [
        .executableTarget(
            name: "loadtest-\(area.lowercased())",
            dependencies: ["LoadtestKit", "ProofKit", "LocalSystem", "FaultProxy"] + serviceBase + uses,
            path: "loadtest/Sources/\(area)",
            swiftSettings: house
        )
    ]
}

let loadtests: [Target] =
    [
        .target(
            name: "LoadtestKit",
            dependencies: ["LocalSystem"] + serviceBase,
            path: "loadtest/Sources/Kit",
            swiftSettings: house
        ),
        .testTarget(
            name: "LoadtestKitTests",
            dependencies: ["LoadtestKit"],
            path: "loadtest/Tests",
            swiftSettings: house
        ),
    ]
    + loadtest("Platform")
    + loadtest("Ingress", needs: "ingress")
    + loadtest("Billing", needs: "billing", "BillingService")
    + loadtest("Generation", needs: "generation", "ModelCatalogue")

/// Fuzz targets call libFuzzer, which only they link: `make fuzz` sets the variable.
func fuzzer(_ area: String, _ uses: Target.Dependency...) -> Target {
    .executableTarget(
        name: "fuzz-\(area.lowercased())",
        dependencies: ["FuzzKit"] + uses,
        path: "loadtest/Sources/Fuzz/\(area)",
        swiftSettings: house + instrumented,
        linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]
    )
}

/// Those files of a module that read what is foreign: libFuzzer looks at every edge that is counted after each input, and
/// the other files' edges would be seven in eight.
func part(of module: String, _ path: String, _ sources: [String], _ uses: Target.Dependency...) -> Target {
    .target(name: module, dependencies: uses, path: path, sources: sources, swiftSettings: house + instrumented)
}

let fuzzing: [Target] =
    systemLibraries
    + sharedModules.filter {
        ["Time", "Concurrency", "EventLoop", "Telemetry", "HTTP", "HTTPServer"].contains($0.name)
    }
    + [
        part(of: "Contracts", "Sources/Contracts", ["JSON", "ContractJSON.swift", "JSONValue.swift"]),
        part(
            of: "IngressService",
            "services/ingress/Sources/Domain",
            ["JSONOutline.swift", "JSONPath.swift", "UpdateOutline.swift"],
            "HTTP"
        ),
        part(
            of: "Postgres",
            "Sources/Postgres",
            ["Values", "PostgresError.swift", "QueryResult.swift", "Row.swift"],
            "CPostgres",
            "Time"
        ),
        .target(name: "FuzzKit", path: "loadtest/Sources/Fuzz/Kit", swiftSettings: house),
        fuzzer("HTTP", "HTTPServer", "HTTP", "EventLoop", "Telemetry", "Concurrency"),
        fuzzer("Data", "Contracts", "IngressService", "Postgres"),
    ]

let everything: [Target] =
    systemLibraries + sharedModules
    + service("Ingress", fixtures: ["Fixtures"])
    + service("Conversation")
    + service("Billing")
    + service("Generation", "ModelCatalogue", "ObjectStorage")
    + service("Delivery")
    + service("Payments")
    + tools
    + loadtests

let package = Package(name: "atelier", targets: isFuzzing ? fuzzing : everything)
