import Foundation

/// A place where a rule is broken, in the form that editors jump to.
struct Finding: CustomStringConvertible, Equatable {
    let path: String
    let line: Int
    let reason: String
    var description: String { "\(path):\(line): \(reason)" }
}

/// The house rules that no compiler and no formatter checks. Each looks at one file.
enum Rules {
    typealias Rule = @Sendable (Checkout.File) -> [Finding]

    static let all: [(name: String, rule: Rule)] = [
        ("C modules have one owner", ownersOfCModules), ("nothing is public", nothingIsPublic),
        ("files are short", filesAreShort), ("tasks are structured", tasksAreStructured),
        ("to-dos have an issue", toDosHaveAnIssue), ("unsafe stays at the edges", unsafeStaysAtTheEdges),
        ("services know only contracts", servicesKnowOnlyContracts), ("types are documented", typesAreDocumented),
        ("no workplace is named", noWorkplaceIsNamed),
    ]

    /// One Swift module wraps each C library; nobody else imports it.
    static let owners: [String: Set<String>] = [
        "CPostgres": ["Postgres"], "CCurl": ["HTTPClient"], "COpenSSL": ["Cryptography", "HTTPServer", "Postgres"],
        "CLinux": ["EventLoop", "HTTPServer", "Concurrency", "HTTPClient"], "CNGHTTP2": ["HTTPServer"],
    ]

    @Sendable static func ownersOfCModules(_ file: Checkout.File) -> [Finding] {
        find(file, "import C", matching: /^\s*(?:\w+ )*import (C[A-Z]\w+)/) { match in
            guard let allowed = owners[String(match)], !allowed.contains(file.module) else { return nil }
            return "\(match) belongs to \(allowed.sorted().joined(separator: ", "))"
        }
    }

    /// Nobody outside the package uses it, so that `package` is the widest access.
    @Sendable static func nothingIsPublic(_ file: Checkout.File) -> [Finding] {
        find(
            file,
            "public",
            "open ",
            "@_exported",
            matching: /^\s*(?:@\w+(?:\([^)]*\))? )*(public|open|@_exported)\s+\w/
        ) { "\($0) is wider than package" }
    }

    @Sendable static func filesAreShort(_ file: Checkout.File) -> [Finding] {
        let limit = file.path.contains("Tests/") ? 700 : 400
        guard file.lines.count > limit else { return [] }
        return [Finding(path: file.path, line: limit, reason: "\(file.lines.count) lines; split it below \(limit)")]
    }

    /// Files that may start a task of their own, each with a comment that says why it lives and who ends it.
    static let unstructured: Set<String> = [
        "Sources/Concurrency/Shielded.swift", "Sources/EventLoop/EventLoop+Tasks.swift",
        "Sources/Lifecycle/WorkerGroup.swift", "Sources/ServiceKit/Startup.swift",
        "Sources/ServiceKit/ServiceMain.swift",
        "Sources/OperatorCLI/AtelierCommand.swift", "Sources/Jobs/OutboxSender.swift", "Sources/Sandbox/Sandbox.swift",
        "Sources/Postgres/Connection/HostResolver.swift", "Sources/Postgres/Connection/StatementCanceller.swift",
        "services/delivery/Sources/Workers/LaneSender.swift", "services/generation/Sources/Work/Toolbox.swift",
        "loadtest/Sources/Kit/LoadtestCommand.swift",
        "services/ingress/Sources/API/WebhookRoutes.swift",
    ]

    @Sendable static func tasksAreStructured(_ file: Checkout.File) -> [Finding] {
        guard !file.path.contains("Tests/"), !unstructured.contains(file.path),
            !file.path.hasPrefix("Sources/HTTPServer/")
        else { return [] }
        return find(file, "Task", matching: /\bTask(?:\.detached)?(?:\([^)]*\))?\s*(\{)/) { _ in
            "an unstructured task; use a task group, or add the file to the list with a reason"
        }
    }

    @Sendable static func toDosHaveAnIssue(_ file: Checkout.File) -> [Finding] {
        file.lines.enumerated().compactMap { index, line in
            guard line.contains("TO" + "DO") || line.contains("FIX" + "ME"), !line.contains(/TO[D]O\(#\d+\): \S/) else {
                return nil
            }
            return Finding(path: file.path, line: index + 1, reason: "a to-do needs the form with an issue number")
        }
    }

    /// Modules that wrap C or the kernel, and the few files elsewhere that make one system call.
    static let edges: Set<String> = [
        "Concurrency", "Cryptography", "EventLoop", "HTTPServer", "HTTPClient", "Postgres", "Lifecycle", "Time",
        "Telemetry", "OperatorCLI", "FaultProxy", "LocalSystem", "LoadtestKit",
    ]
    static let edgeFiles: Set<String> = [
        "Sources/HTTP/HTTPSyntax.swift", "Sources/HTTP/HTTPFields.swift", "Sources/HTTP/Span+Text.swift",
        "Sources/TestSupport/TestCertificates.swift", "loadtest/Sources/Platform/RawConnection.swift",
        "loadtest/Sources/Ingress/Posts.swift",
        "loadtest/Sources/Fuzz/Kit/Fuzzer.swift", "loadtest/Sources/Fuzz/Data/ArrayFuzz.swift",
        "loadtest/Sources/Fuzz/HTTP/HTTP2Fuzz.swift", "services/generation/Sources/Catalogue/FolderSign.swift",
        "services/generation/Sources/Work/AssetFiles.swift",
        "services/delivery/Sources/API/TelegramFiles.swift", "services/ingress/Sources/Domain/AddressRange.swift",
        "services/ingress/Sources/Domain/JSONOutline.swift", "services/ingress/Sources/Domain/JSONPath.swift",
    ]

    @Sendable static func unsafeStaysAtTheEdges(_ file: Checkout.File) -> [Finding] {
        guard !file.path.contains("Tests/"), !edges.contains(file.module), !edgeFiles.contains(file.path) else {
            return []
        }
        return find(file, "unsafe", matching: /\b(unsafe) [\w(\[&]/) { _ in
            "unsafe code belongs to the modules that wrap C"
        }
    }

    /// A service imports shared modules and Contracts, never another service.
    @Sendable static func servicesKnowOnlyContracts(_ file: Checkout.File) -> [Finding] {
        find(file, "Service", matching: /^\s*(?:\w+ )*import ([A-Z]\w+)Service\b/) { match in
            let folder = "services/\(match.lowercased())/"
            return file.path.hasPrefix(folder) || file.path.hasPrefix("Tests/SystemTests/")
                || file.path.hasPrefix("loadtest/") ? nil : "\(match)Service is used outside \(folder)"
        }
    }

    @Sendable static func typesAreDocumented(_ file: Checkout.File) -> [Finding] {
        let lines = file.lines
        return lines.indices.compactMap { index in
            guard lines[index].contains("package "),
                lines[index].contains(
                    #/^(?:@\w+ )*package (?:final |indirect )?(?:struct|enum|class|protocol|actor|func)\s/#
                )
            else { return nil }
            var above = index - 1
            while above >= 0, lines[above].hasPrefix("@") { above -= 1 }
            if above >= 0, lines[above].hasPrefix("///") { return nil }
            return Finding(path: file.path, line: index + 1, reason: "a package declaration without a docstring")
        }
    }

    /// A checkout works anywhere: no path of a machine it was written on.
    @Sendable static func noWorkplaceIsNamed(_ file: Checkout.File) -> [Finding] {
        guard !file.path.hasPrefix("Tests/TidyTests/") else { return [] }
        return file.lines.enumerated().compactMap { index, line in
            guard line.contains(Checkout.root + "/") else { return nil }
            return Finding(path: file.path, line: index + 1, reason: "names a path of one machine")
        }
    }

    /// Lines of code that match; the first capture goes to `reason`, which may clear it.
    ///
    /// - Parameter words: A line without any of them is not matched at all; patterns are slow in debug builds.
    private static func find(
        _ file: Checkout.File,
        _ words: String...,
        matching pattern: some RegexComponent<(Substring, Substring)>,
        _ reason: (Substring) -> String?
    ) -> [Finding] {
        file.code.enumerated().compactMap { index, line in
            guard words.contains(where: { line.contains($0) }), let match = line.firstMatch(of: pattern),
                let reason = reason(match.output.1)
            else { return nil }
            return Finding(path: file.path, line: index + 1, reason: reason)
        }
    }
}

extension Checkout.File {
    /// The folder below Sources/, or the service.
    var module: String {
        let parts = path.split(separator: "/")
        return parts.count > 1 ? String(parts[1]) : ""
    }
}
