internal import Configuration
internal import Contracts
internal import HTTPClient
internal import LocalSystem
internal import Postgres
internal import ServiceKit
internal import Telemetry

extension Stage {
    /// What the databases and the ledger of this system say.
    func books(http: HTTPClient, metrics: Metrics, log: Log) throws -> Books {
        let children = try children()
        func database(_ service: ServiceName) -> Database {
            let url = children.migration(service)["ATELIER_DATABASE_OWNER_URL"] ?? ""
            return Database(
                DatabaseConfiguration(url: url, applicationName: "atelier-demo"),
                loop: loop,
                metrics: metrics,
                log: log
            )
        }
        let access = children.operatorAccess(.billing)
        return Books(
            billing: InternalClient(
                service: .billing,
                baseURL: access.url,
                token: Secret(access.token),
                http: http,
                metrics: metrics
            ),
            billingDatabase: database(.billing),
            generationDatabase: database(.generation),
            deliveryDatabase: database(.delivery),
            loop: loop
        )
    }
}
