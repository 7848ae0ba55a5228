/// A PostgreSQL type as parameters and results name it: the object ids of the type and of its array.
///
/// Source: `pg_type.dat` of PostgreSQL; built-in ids never change.
package struct PostgresType: Hashable, Sendable {
    /// The type's `pg_type.oid`.
    package let oid: UInt32
    /// The `pg_type.oid` of its array type.
    package let arrayOID: UInt32

    package init(oid: UInt32, arrayOID: UInt32) {
        self.oid = oid
        self.arrayOID = arrayOID
    }

    package static let bool = PostgresType(oid: 16, arrayOID: 1000)
    package static let bytea = PostgresType(oid: 17, arrayOID: 1001)
    package static let int8 = PostgresType(oid: 20, arrayOID: 1016)
    package static let int2 = PostgresType(oid: 21, arrayOID: 1005)
    package static let int4 = PostgresType(oid: 23, arrayOID: 1007)
    package static let text = PostgresType(oid: 25, arrayOID: 1009)
    package static let json = PostgresType(oid: 114, arrayOID: 199)
    package static let float4 = PostgresType(oid: 700, arrayOID: 1021)
    package static let float8 = PostgresType(oid: 701, arrayOID: 1022)
    package static let varchar = PostgresType(oid: 1043, arrayOID: 1015)
    package static let timestamptz = PostgresType(oid: 1184, arrayOID: 1185)
    package static let uuid = PostgresType(oid: 2950, arrayOID: 2951)
    package static let jsonb = PostgresType(oid: 3802, arrayOID: 3807)

    static let void: UInt32 = 2278
    static let name: UInt32 = 19
    static let bpchar: UInt32 = 1042
    static let unknown: UInt32 = 705
    static let oidType: UInt32 = 26
}
