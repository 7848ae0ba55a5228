package import Contracts
package import HTTP

extension Problem {
    /// The problem as an `application/problem+json` answer (RFC 9457) with `Retry-After` and, for 401,
    /// `WWW-Authenticate`.
    package var response: HTTPResponse {
        var fields: HTTPFields = ["Content-Type": "application/problem+json"]
        if let retryAfterSeconds { fields["Retry-After"] = String(retryAfterSeconds) }
        if status == 401 { fields["WWW-Authenticate"] = "Bearer" }
        // Encoding fails only for a non-finite number among the members; the status then says enough.
        let body = (try? ContractJSON.encode(self)) ?? []
        return HTTPResponse(status: status, fields: fields, body: .bytes(body))
    }
}
