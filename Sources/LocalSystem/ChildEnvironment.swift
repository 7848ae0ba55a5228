package import Contracts
internal import Lifecycle

/// What every child is told by its environment; the children get nothing in any other way.
///
/// Keys of the structure (ports, databases, tokens between services) are ours. Keys of providers (bot token, provider
/// keys and addresses) are those of the sandbox unless the operator's own environment has them, which is how a private
/// installation goes live.
package struct ChildEnvironment: Sendable {
    package let project: Project
    package let ports: PortPlan
    package let credentials: Credentials
    package let placement: ClusterPlacement
    /// The environment that the operator started us with.
    package let operatorEnvironment: [String: String]

    package init(
        project: Project,
        ports: PortPlan,
        credentials: Credentials,
        placement: ClusterPlacement,
        operatorEnvironment: [String: String]
    ) {
        self.project = project
        self.ports = ports
        self.credentials = credentials
        self.placement = placement
        self.operatorEnvironment = operatorEnvironment
    }

    /// What the sandbox gets.
    package func sandbox() -> [String: String] {
        merge(
            own: [
                "ATELIER_SANDBOX_LISTEN": listen("sandbox"),
                "ATELIER_SANDBOX_BOT_TOKEN": credentials["sandbox.bot_token"],
                "ATELIER_SANDBOX_KIE_KEY": credentials["sandbox.kie_key"],
                "ATELIER_SANDBOX_YOOKASSA_SHOP": credentials["sandbox.yookassa_shop"],
                "ATELIER_SANDBOX_YOOKASSA_SECRET": credentials["sandbox.yookassa_secret"],
                "ATELIER_SANDBOX_INGRESS_URL": url("public"),
                "ATELIER_SANDBOX_STATE": project.state + "/sandbox",
            ],
            providers: [:]
        )
    }

    /// What a service gets to serve.
    package func service(_ service: ServiceName) -> [String: String] {
        var own = [
            "ATELIER_INTERNAL_LISTEN": listen(service.rawValue),
            "ATELIER_DATABASE_URL": databaseURL(service, role: Provisioning.serviceRole(service)),
            "ATELIER_MIGRATIONS": project.migrations(service),
            "ATELIER_CALL_TOKENS": tokens { $0 == service ? nil : credentials.token(caller: service, callee: $0) },
            "ATELIER_ACCEPT_TOKENS": acceptTokens(service),
        ]
        for callee in Project.services where callee != service {
            own["ATELIER_URL_\(callee.rawValue.uppercased())"] = url(callee.rawValue)
        }
        if service == .ingress { own["ATELIER_PUBLIC_LISTEN"] = "\(publicHost):\(ports["public"])" }
        return merge(own: own, providers: providers(service))
    }

    /// What a service gets to migrate: the same and the owner's access.
    package func migration(_ service: ServiceName) -> [String: String] {
        var environment = self.service(service)
        environment["ATELIER_DATABASE_OWNER_URL"] = databaseURL(service, role: Provisioning.ownerRole(service))
        return environment
    }

    /// How the operator's command line calls a service: its address and token.
    package func operatorAccess(_ service: ServiceName) -> (url: String, token: String) {
        (url(service.rawValue), credentials.token(caller: .operator, callee: service))
    }

    /// The stand-ins, service by service.
    private func providers(_ service: ServiceName) -> [String: String] {
        let sandbox = url("sandbox")
        switch service {
        case .ingress:
            return [
                "ATELIER_TELEGRAM_BOTS": "main=\(webhookSecret)",
                "ATELIER_KIE_CALLBACK_PUBLIC_KEY": credentials.callbackPublicKey,
                // The stand-in posts from here; YooKassa's own addresses are the default of a real installation.
                "ATELIER_YOOKASSA_SOURCES": "127.0.0.0/8,::1",
            ]
        case .delivery:
            return [
                "ATELIER_TELEGRAM_API_URL": sandbox + "/telegram",
                "ATELIER_TELEGRAM_BOT_TOKEN": credentials["sandbox.bot_token"],
                "ATELIER_TELEGRAM_WEBHOOK_SECRET": webhookSecret,
                "ATELIER_PUBLIC_URL": url("public"),
            ]
        case .generation:
            let generation = [
                "ATELIER_KIE_API_URL": sandbox + "/kie",
                "ATELIER_KIE_UPLOAD_URL": sandbox + "/kie-upload",
                "ATELIER_KIE_KEYS": credentials["sandbox.kie_key"],
                "ATELIER_KIE_CALLBACK_PRIVATE_KEY": credentials["kie.callback_private_key"],
                "ATELIER_PUBLIC_URL": url("public"),
                "ATELIER_ASSETS": project.assets,
                "ATELIER_MODELS": project.root + "/services/generation/models",
                "ATELIER_TEMPLATES": project.root + "/services/generation/templates",
                // Results of the stand-in lie on this machine.
                "ATELIER_ALLOW_PRIVATE_RESULT_HOSTS": isSandboxed ? "1" : "0",
            ]
            // Real people get translations from a real assistant or none.
            return isSandboxed
                ? generation.merging(["ATELIER_ASSISTANT_URL": sandbox + "/assistant/v1"]) { $1 } : generation
        case .payments:
            return [
                "ATELIER_YOOKASSA_API_URL": sandbox + "/yookassa/v3",
                "ATELIER_YOOKASSA_SHOP_ID": credentials["sandbox.yookassa_shop"],
                "ATELIER_YOOKASSA_SECRET_KEY": credentials["sandbox.yookassa_secret"],
                // Where a buyer is sent after paying: back to the chat.
                "ATELIER_RETURN_URL": sandbox + "/",
            ]
        case .conversation, .billing, .operator:
            return [:]
        }
    }

    /// Whether results come from the stand-in.
    private var isSandboxed: Bool { operatorEnvironment["ATELIER_KIE_API_URL"] == nil }

    /// The operator's own choice, for webhooks that come without a proxy; else only this machine is listened to.
    private var publicHost: String {
        let wanted = operatorEnvironment["ATELIER_PUBLIC_LISTEN"]
        return wanted.flatMap { text in text.lastIndex(of: ":").map { String(text[..<$0]) } } ?? "127.0.0.1"
    }

    /// Delivery registers it and ingress checks it, so that both must have the same.
    private var webhookSecret: String {
        operatorEnvironment["ATELIER_TELEGRAM_WEBHOOK_SECRET"] ?? credentials["telegram.webhook_secret"]
    }

    private func merge(own: [String: String], providers: [String: String]) -> [String: String] {
        let inherited = operatorEnvironment.filter { key, _ in
            key.hasPrefix("ATELIER_") || Self.inherited.contains(key)
        }
        return providers.merging(inherited) { $1 }.merging(own) { $1 }
            .merging([StopSignals.stopsWithInputVariable: "1", "TMPDIR": project.temporary]) { $1 }
            .filter { !Self.notInherited.contains($0.key) }
    }

    /// What programs need from any environment.
    private static let inherited: Set = [
        "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE",
    ]
    /// Ours alone.
    private static let notInherited: Set = [
        "ATELIER_DATA", "ATELIER_PROJECT", "ATELIER_TEST_DATABASE_URL", "ATELIER_ONLY",
    ]

    private func acceptTokens(_ service: ServiceName) -> String {
        ServiceName.allCases.filter { $0 != service }
            .map { "\($0.rawValue)=\(credentials.token(caller: $0, callee: service))" }.joined(separator: ",")
    }

    private func tokens(_ token: (ServiceName) -> String?) -> String {
        Project.services.compactMap { name in token(name).map { "\(name.rawValue)=\($0)" } }.joined(separator: ",")
    }

    private func databaseURL(_ service: ServiceName, role: String) -> String {
        placement.url(
            database: Provisioning.database(service),
            user: role,
            password: credentials.password(of: role)
        )
    }

    private func listen(_ name: String) -> String { "127.0.0.1:\(ports[name])" }
    private func url(_ name: String) -> String { "http://127.0.0.1:\(ports[name])" }
}
