import Foundation
import Testing

@Suite struct TidyTests {
    @Test(arguments: Rules.all.map(\.name))
    func `the checkout keeps the rule`(name: String) throws {
        let rule = try #require(Rules.all.first { $0.name == name }?.rule)
        let files = try Checkout.swiftFiles.get()
        #expect(files.count > 100, "the checkout was not found")
        let findings = files.flatMap(rule)
        #expect(findings.isEmpty, "\n\(findings.map(\.description).joined(separator: "\n"))")
    }

    @Test func `no other file names a workplace`() throws {
        let files = try Checkout.files(
            in: ["docs", "deploy", "contracts", "services", "loadtest", ".ci", ".githooks", ".github"],
            endingIn: [".md", ".yaml", ".yml", ".sql", ".env", ".json", ".sh", "Dockerfile", "run", ".service"]
        )
        let findings = files.flatMap(Rules.noWorkplaceIsNamed)
        #expect(findings.isEmpty, "\n\(findings.map(\.description).joined(separator: "\n"))")
    }

    @Test(arguments: ["ingress", "conversation", "billing", "generation", "delivery", "payments"])
    func `migrations are numbered without gaps and complete`(service: String) throws {
        let folder = "\(Checkout.root)/services/\(service)/migrations"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(Migrations.trouble(in: names) == [])
        for name in names {
            for file in ["up.sql", "check.sql", "notes.md"] {
                #expect(
                    FileManager.default.fileExists(atPath: "\(folder)/\(name)/\(file)"),
                    "\(service)/\(name)/\(file)"
                )
            }
        }
    }

    @Test func `the shared modules don't know the services' folders`() throws {
        let manifest = try String(contentsOfFile: "\(Checkout.root)/Package.swift", encoding: .utf8)
        #expect(!manifest.contains(".package("), "no outside package")
    }
}

/// The form of migration folders.
enum Migrations {
    /// What is wrong with the names of one service's folders, in their order.
    static func trouble(in names: [String]) -> [String] {
        names.enumerated().compactMap { index, name in
            guard let match = name.wholeMatch(of: /(\d{4})_[a-z0-9_]+/) else { return "\(name) is not 0001_like_this" }
            return Int(match.output.1) == index + 1 ? nil : "\(name) is not number \(index + 1)"
        }
    }
}

/// Every rule finds what it is for; without these a rule that matches nothing would look like a tidy checkout.
@Suite struct RuleTests {
    private func findings(_ rule: Rules.Rule, _ path: String, _ text: String) -> [Int] {
        rule(Checkout.File(path: path, text: text)).map(\.line)
    }

    @Test func `a C module outside its owner is found`() {
        let text = "import Time\ninternal import CCurl\n// import CCurl\n"
        #expect(findings(Rules.ownersOfCModules, "Sources/Jobs/A.swift", text) == [2])
        #expect(findings(Rules.ownersOfCModules, "Sources/HTTPClient/A.swift", text) == [])
    }

    @Test func `public and friends are found in code only`() {
        let text =
            "public struct A {}\n    open func b() {}\n@_exported import C\n// public struct\nlet a = \"public let\"\n"
        #expect(findings(Rules.nothingIsPublic, "Sources/A/A.swift", text) == [1, 2, 3])
    }

    @Test func `long files are found`() {
        let text = String(repeating: "\n", count: 400)
        #expect(findings(Rules.filesAreShort, "Sources/A/A.swift", text).count == 1)
        #expect(findings(Rules.filesAreShort, "Tests/ATests/A.swift", text) == [])
    }

    @Test func `unstructured tasks are found outside the list`() {
        let text = "Task {\nTask.detached {\nTask(priority: .low) {\nlet t: Task<Void, Never>\nTask.isCancelled\n"
        #expect(findings(Rules.tasksAreStructured, "services/a/Sources/A.swift", text) == [1, 2, 3])
        #expect(findings(Rules.tasksAreStructured, "Sources/Lifecycle/WorkerGroup.swift", text) == [])
    }

    @Test func `to-dos without an issue are found`() {
        let word = "TO" + "DO"
        let text = "// \(word): later\n// \(word)(#12): Say when.\n// FIX" + "ME now\n"
        #expect(findings(Rules.toDosHaveAnIssue, "Sources/A/A.swift", text) == [1, 3])
    }

    @Test func `unsafe code away from the edges is found`() {
        let text = "let a = unsafe f()\nlet sql = \"\\(unsafe: columns)\"\n// unsafe f\n"
        #expect(findings(Rules.unsafeStaysAtTheEdges, "Sources/Jobs/A.swift", text) == [1])
        #expect(findings(Rules.unsafeStaysAtTheEdges, "Sources/Postgres/A.swift", text) == [])
    }

    @Test func `a service that uses another one is found`() {
        let text = "import BillingService\n"
        #expect(findings(Rules.servicesKnowOnlyContracts, "services/payments/Sources/A.swift", text) == [1])
        #expect(findings(Rules.servicesKnowOnlyContracts, "services/billing/Main/main.swift", text) == [])
    }

    @Test func `types without a docstring are found`() {
        let text = "/// Good.\n@safe\npackage struct A {}\n\npackage enum B {}\n    package struct Inner {}\n"
        #expect(findings(Rules.typesAreDocumented, "Sources/A/A.swift", text) == [5])
    }

    @Test func `paths of a workplace are found`() {
        let text = "cd \(Checkout.root)/docs\nhttps://example.org/docs\n"
        #expect(findings(Rules.noWorkplaceIsNamed, "docs/a.md", text) == [1])
    }

    @Test func `wrong migration names are found`() {
        #expect(Migrations.trouble(in: ["0001_a", "0002_b_c"]) == [])
        #expect(Migrations.trouble(in: ["0001_a", "0003_b", "4_c"]).count == 2)
    }
}
