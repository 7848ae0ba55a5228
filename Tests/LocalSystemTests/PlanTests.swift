import Contracts
import Cryptography
import Foundation
import Testing

@testable import LocalSystem

@Suite struct PortPlanTests {
    @Test func `free ports are taken as wanted`() {
        let plan = PortPlan(wanted: [("sandbox", 8_080), ("public", 8_090)], isFree: { _ in true })
        #expect(plan.ports == ["sandbox": 8_080, "public": 8_090])
        #expect(plan.moves.isEmpty)
    }

    @Test func `a taken port is replaced by a free one nearby, and said so`() {
        let plan = PortPlan(wanted: [("sandbox", 8_080), ("other", 8_180)], isFree: { ![8_080, 8_280].contains($0) })
        #expect(plan["sandbox"] == 8_380)
        #expect(plan["other"] == 8_180)
        #expect(plan.moves == [.init(listener: "sandbox", wanted: 8_080, given: 8_380)])
    }

    @Test func `two listeners never get the same port`() {
        let plan = PortPlan(wanted: [("a", 100), ("b", 200)], isFree: { $0 >= 300 })
        #expect(Set(plan.ports.values).count == 2)
    }

    @Test func `the operator's own addresses are wanted first`() {
        let wanted = PortPlan.wanted(["ATELIER_SANDBOX_LISTEN": "127.0.0.1:9000", "ATELIER_PUBLIC_LISTEN": "nonsense"])
        #expect(wanted.first { $0.listener == "sandbox" }?.port == 9_000)
        #expect(wanted.first { $0.listener == "public" }?.port == 8_090)
        #expect(wanted.first { $0.listener == "payments" }?.port == 8_106)
    }
}

@Suite struct ClusterPlacementTests {
    @Test func `an ordinary user's cluster lies in the checkout`() {
        let placement = ClusterPlacement(
            name: "postgres",
            state: "/home/ann/atelier/.atelier",
            isRoot: false,
            postgresCanEnter: false
        )
        #expect(placement.data == "/home/ann/atelier/.atelier/postgres/data")
        #expect(placement.socketFolder == "/home/ann/atelier/.atelier/postgres/run")
        #expect(placement.user == nil)
    }

    @Test func `root's cluster runs as postgres, and elsewhere if that user can't enter`() {
        let inside = ClusterPlacement(name: "postgres", state: "/srv/a", isRoot: true, postgresCanEnter: true)
        #expect(inside.user == "postgres" && inside.folder == "/srv/a/postgres")
        let outside = ClusterPlacement(name: "postgres", state: "/root/a", isRoot: true, postgresCanEnter: false)
        #expect(outside.folder.hasPrefix("/var/lib/atelier/") && outside.folder.hasSuffix("/postgres"))
        let other = ClusterPlacement(name: "postgres", state: "/root/b", isRoot: true, postgresCanEnter: false)
        #expect(outside.folder != other.folder)
    }

    @Test(arguments: 60...130)
    func `a socket's path never gets too long for the system`(length: Int) {
        let state = "/" + String(repeating: "d", count: length)
        let placement = ClusterPlacement(name: "postgres", state: state, isRoot: false, postgresCanEnter: true)
        #expect((placement.socketFolder + "/.s.PGSQL.5432").utf8.count <= 107)
    }

    @Test func `a URL names the socket's folder whatever is in its path`() {
        let placement = ClusterPlacement(name: "pg", state: "/tmp/my dir", isRoot: false, postgresCanEnter: true)
        #expect(
            placement.url(database: "atelier_billing", user: "u", password: "p")
                == "postgresql://u:p@/atelier_billing?host=%2Ftmp%2Fmy%20dir%2Fpg%2Frun"
        )
    }
}

@Suite struct PostgresInstallationTests {
    @Test func `the newest release is chosen`() throws {
        let chosen = try PostgresInstallation.choose(from: [15: "/a", 17: "/b", 16: "/c"])
        #expect(chosen == PostgresInstallation(binaries: "/b", version: 17))
    }

    @Test func `too old and missing say what to install`() {
        let old = #expect(throws: OperatorError.self) { try PostgresInstallation.choose(from: [13: "/a"]) }
        #expect(old?.problem == "PostgreSQL 13 is too old: Atelier needs 15 or newer.")
        let none = #expect(throws: OperatorError.self) { try PostgresInstallation.choose(from: [:]) }
        #expect(none?.remedy.contains("apt-get install -y postgresql") == true)
    }

    @Test func `initdb's version line is read`() {
        #expect(PostgresInstallation.parseVersion("initdb (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n") == 15)
        #expect(PostgresInstallation.parseVersion("initdb (PostgreSQL) 18beta1") == 18)
        #expect(PostgresInstallation.parseVersion("initdb: command not found") == nil)
    }
}

@Suite struct CredentialsTests {
    @Test func `what is kept stays, and what is missing is generated`() {
        let first = Credentials()
        #expect(Credentials(stored: first.values) == first)
        var older = first.values
        older["sandbox.kie_key"] = nil
        let healed = Credentials(stored: older)
        #expect(healed["sandbox.kie_key"].count == 32)
        #expect(healed["telegram.webhook_secret"] == first["telegram.webhook_secret"])
    }

    @Test func `no two secrets are the same, and none needs quoting`() {
        let values = Credentials().values
        #expect(Set(values.values).count == values.count)
        for (name, value) in values {
            #expect(value.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-:".contains($0)) }, "\(name)")
        }
    }

    @Test func `the public key checks what the private key signs`() throws {
        let credentials = Credentials()
        let seed = try #require(Base64URL.decode(credentials["kie.callback_private_key"]))
        let key = try #require(Ed25519.PrivateKey(bytes: seed))
        let publicBytes = try #require(Base64URL.decode(credentials.callbackPublicKey))
        let publicKey = try #require(Ed25519.PublicKey(bytes: publicBytes))
        #expect(publicKey.isValid(key.sign([1, 2, 3]), for: [1, 2, 3]))
    }

    @Test func `the file is private, and a broken one is refused instead of replaced`() throws {
        let path = FileManager.default.temporaryDirectory.path + "/atelier-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let made = try Credentials.load(from: path)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
        #expect(try Credentials.load(from: path) == made)
        try Data("{".utf8).write(to: URL(filePath: path))
        #expect(throws: OperatorError.self) { try Credentials.load(from: path) }
        #expect(FileManager.default.contents(atPath: path) == Data("{".utf8))
    }
}

@Suite struct ProvisioningTests {
    @Test func `the script may be repeated and holds no secret`() {
        let script = Provisioning.script(for: [.billing])
        #expect(script.contains("where not exists (select from pg_roles where rolname = 'atelier_billing')"))
        #expect(script.contains("'create database atelier_billing owner atelier_billing_owner'"))
        #expect(script.contains("revoke all on database atelier_billing from public;"))
        let credentials = Credentials()
        #expect(!script.contains(credentials.password(of: "atelier_billing")))
    }
}
