package import HTTP

/// A complete answer, of any status.
package struct ClientResponse: Sendable {
    package var status: Int
    package var fields: HTTPFields
    package var body: [UInt8]

    package init(status: Int, fields: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

/// What a download left behind.
package struct DownloadedFile: Sendable {
    package var status: Int
    package var fields: HTTPFields
    /// Size of the file; 0 if the status is not 2xx, and then there is no file.
    package var bytes: Int64
    /// Lower-case hex SHA-256 of the file; nil if there is no file.
    package var sha256: String?
    /// The first 64 KiB of the answer's body where the status is not 2xx, for error texts.
    package var errorBody: [UInt8]
}
