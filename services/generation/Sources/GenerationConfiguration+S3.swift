internal import Configuration
internal import ObjectStorage

/// The bucket of any store that speaks S3's protocol (AWS, MinIO, Ceph, Yandex Object Storage, …), in place of the folder.
extension GenerationConfiguration {
    enum S3 {
        static let url = ConfigurationKey.url(
            "ATELIER_S3_URL",
            optional: true,
            help: "an S3-compatible store, e.g. https://storage.yandexcloud.net; without it a folder keeps the assets"
        )
        static let bucket = ConfigurationKey.string(
            "ATELIER_S3_BUCKET",
            optional: true,
            help: "the bucket that keeps assets; addressed by path"
        )
        static let region = ConfigurationKey.string(
            "ATELIER_S3_REGION",
            default: "us-east-1",
            help: "the region that requests are signed for"
        )
        static let prefix = ConfigurationKey.string(
            "ATELIER_S3_PREFIX",
            default: "atelier/",
            help: "what every key in the bucket begins with"
        )
        static let accessKey = ConfigurationKey.string(
            "ATELIER_S3_ACCESS_KEY",
            optional: true,
            isSecret: true,
            help: "the name of the store's key; it may get, put and delete objects below the prefix"
        )
        static let secretKey = ConfigurationKey.secret(
            "ATELIER_S3_SECRET_KEY",
            optional: true,
            help: "the secret of the store's key"
        )
        static let publicURL = ConfigurationKey.url(
            "ATELIER_S3_PUBLIC_URL",
            optional: true,
            help: "where the outside reaches the store; then links to large results lead there, presigned"
        )

        static let all: [any ConfigurationKeyDescription] = [
            url, bucket, region, prefix, accessKey, secretKey, publicURL,
        ]
    }

    /// nil without `ATELIER_S3_URL`.
    ///
    /// - Throws: If only a part of it is configured.
    static func bucket(_ reader: ConfigurationReader) throws(ConfigurationError) -> ObjectBucket.Configuration? {
        guard let endpoint = reader.optional(S3.url) else { return nil }
        func needed<Value>(_ key: ConfigurationKey<Value>) throws(ConfigurationError) -> Value {
            guard let value = reader.optional(key) else {
                throw ConfigurationError(key: key.name, reason: "is needed with \(S3.url.name)")
            }
            return value
        }
        return ObjectBucket.Configuration(
            endpoint: endpoint,
            bucket: try needed(S3.bucket),
            prefix: try reader.value(S3.prefix),
            signing: SigningV4(
                accessKey: try needed(S3.accessKey),
                secretKey: try needed(S3.secretKey),
                region: try reader.value(S3.region)
            ),
            publicEndpoint: reader.optional(S3.publicURL)
        )
    }
}
