import Configuration
import Contracts
import ServiceKit
import TestSupport
import Testing

/// A service that does nothing but call others.
private struct Caller: AtelierService {
    static let name = ServiceName.generation
    let context: ServiceContext

    init(_ context: ServiceContext) async throws {
        self.context = context
    }

    func register(on routes: inout Routes) {}
}

@Suite(.scratchDatabase) struct SecureCallTests {
    @Test func `services call each other over TLS and know each other by certificates`() async throws {
        let folder = try EmptyMigrations()
        let certificates = try await TestCertificates()
        try await certificates.issue("billing", subject: "billing", names: "DNS:localhost")
        try await certificates.issue("generation", subject: "generation", names: "DNS:generation")
        let listener = [
            "ATELIER_MIGRATIONS": folder.path,
            "ATELIER_INTERNAL_TLS_CERTIFICATES": certificates.path("billing.pem"),
            "ATELIER_INTERNAL_TLS_KEYS": certificates.path("billing.key"),
            "ATELIER_INTERNAL_TLS_CLIENT_CA": certificates.path("ca.pem"),
        ]
        try await TestService<EchoService>.run(environment: listener) { billing in
            let calls = [
                "ATELIER_MIGRATIONS": folder.path,
                "ATELIER_URL_BILLING": "https://localhost:\(billing.runner.internalPort)",
                "ATELIER_CALL_CA": certificates.path("ca.pem"),
            ]
            // Without a certificate of its own nobody is let in.
            try await TestService<Caller>.run(environment: calls) { caller in
                _ = await #expect(throws: CallError.self) {
                    _ = try await caller.runner.context.client(for: .billing).call(GetMood.self)
                }
            }
            let identity = [
                "ATELIER_CALL_CERTIFICATE": certificates.path("generation.pem"),
                "ATELIER_CALL_KEY": certificates.path("generation.key"),
            ]
            try await TestService<Caller>.run(environment: calls.merging(identity) { $1 }) { caller in
                let client = caller.runner.context.client(for: .billing)
                for _ in 0..<3 { #expect(try await client.call(GetMood.self).mood == "calm") }
                let input = KeepNote.Input(text: "a", items: [])
                let note = try await client.call(KeepNote.self, input, parameters: .init(note: "n"), key: "k")
                #expect(note.text == "a" && note.key == "k")
            }
        }
    }

    @Test func `certificates without keys are refused at the start`() async throws {
        let folder = try EmptyMigrations()
        await #expect(throws: ConfigurationError.self) {
            try await TestService<EchoService>.run(
                environment: [
                    "ATELIER_MIGRATIONS": folder.path, "ATELIER_INTERNAL_TLS_CERTIFICATES": "a.pem,b.pem",
                    "ATELIER_INTERNAL_TLS_KEYS": "a.key",
                ]
            ) { _ in }
        }
    }
}
