import Contracts
import Foundation
import Testing
import Time

@testable import IngressService

enum Fixtures {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    static func names(_ kind: String) -> [String] {
        // No folder, no tests: the count is asserted by a test of its own.
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.appending(path: kind).path)) ?? []).sorted()
    }

    static func body(_ kind: String, _ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: kind).appending(path: name)))
    }
}

@Suite struct `Reading a webhook` {
    let now = Timestamp(seconds: 1_795_200_000)

    @Test func `has fixtures to read`() {
        #expect(Fixtures.names("updates").count > 50)
        #expect(Fixtures.names("malformed").count > 10)
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("7", 7), ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
            ("999999999999999999", 999_999_999_999_999_999), ("9223372036854775808", nil),
            ("-9223372036854775809", nil),
            ("99999999999999999999", nil), ("1.0", nil), ("1e2", nil), ("\"1\"", nil), ("true", nil), ("{}", nil),
        ] as [(String, Int64?)]
    )
    func `takes whole numbers of 64 bits as ids and nothing else`(text: String, id: Int64?) {
        let outline = UpdateOutline(Array(#"{"update_id":\#(text),"message":{"chat":{"id":\#(text)}}}"#.utf8))
        #expect(outline?.updateID == id)
        #expect(outline?.chatID == id)
    }

    @Test(arguments: Fixtures.names("updates"))
    func `finds the id, the kind and the lane of every update that Telegram sends`(name: String) throws {
        let body = try Fixtures.body("updates", name)
        let update = try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
        let (arrival, outline) = Reading.telegram(bot: "main", body: body, at: now, trace: nil)

        #expect(!arrival.isMalformed)
        #expect(arrival.updateID == (update["update_id"] as? NSNumber)?.int64Value)
        let kind = update.keys.first { $0 != "update_id" }
        #expect(arrival.kind == kind ?? "unknown")
        let payload = kind.flatMap { update[$0] as? [String: Any] } ?? [:]
        let message = payload["message"] as? [String: Any]
        let chat = (payload["chat"] ?? message?["chat"]) as? [String: Any]
        #expect(outline?.chatID == (chat?["id"] as? NSNumber)?.int64Value)
    }

    @Test(arguments: Fixtures.names("malformed"))
    func `stores what it can't decode instead of refusing it`(name: String) throws {
        let body = try Fixtures.body("malformed", name)
        let (arrival, outline) = Reading.telegram(bot: "main", body: body, at: now, trace: nil)
        let hasUpdateID = ["09_", "10_", "11_"].contains { name.hasPrefix($0) }
        #expect(arrival.isMalformed == !hasUpdateID, "\(name)")
        #expect((outline != nil) == hasUpdateID)
        #expect(arrival.body == body)
    }

    @Test func `puts a button press into the lane of its message's chat`() {
        let press = #"{"update_id":5,"callback_query":{"id":"1","from":{"id":7},"message":{"chat":{"id":-42}}}}"#
        let text = #"{"update_id":6,"message":{"from":{"id":7},"chat":{"id":-42,"type":"group"}}}"#
        let (first, _) = Reading.telegram(bot: "main", body: Array(press.utf8), at: now, trace: nil)
        let (second, _) = Reading.telegram(bot: "main", body: Array(text.utf8), at: now, trace: nil)
        #expect(first.lane == "chat:main:-42")
        #expect(second.lane == first.lane)
    }

    @Test(arguments: [
        #"{"update_id":5,"pre_checkout_query":{"id":"1","from":{"id":7},"currency":"XTR"}}"#,
        #"{"update_id":5,"message":{"from":{"id":7},"chat":{"id":7},"successful_payment":{"currency":"XTR"}}}"#,
        #"{"update_id":5,"message":{"from":{"id":7},"chat":{"id":7},"refunded_payment":{"currency":"XTR"}}}"#,
    ])
    func `gives payments a lane of their own`(body: String) {
        let (arrival, _) = Reading.telegram(bot: "main", body: Array(body.utf8), at: now, trace: nil)
        #expect(arrival.lane == "pay:main:7")
        #expect(arrival.isPayment)
    }

    @Test func `knows YooKassa's notifications by event and object`() {
        let body = #"{"type":"notification","event":"payment.succeeded","object":{"id":"2f0e","status":"succeeded"}}"#
        let arrival = Reading.yookassa(body: Array(body.utf8), at: now, trace: nil)
        #expect(arrival.dedup == .other(source: .yookassa, key: "payment.succeeded:2f0e"))
        #expect(arrival.lane == "pay:yookassa:2f0e")
        #expect(Reading.yookassa(body: Array("{}".utf8), at: now, trace: nil).isMalformed)
    }

    private let token = CallbackToken(
        attempt: UUID(uuid: (1, 0x93, 0x5b, 0x2e, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1)),
        signature: Array(repeating: 1, count: 64)
    )

    private func callback(_ body: String, maximumBytes: Int = .max, isSigned: ((String) -> Bool)? = nil) -> Arrival? {
        Reading.kie(
            token: token,
            body: Array(body.utf8),
            maximumBytes: maximumBytes,
            isSigned: isSigned,
            at: now,
            trace: nil
        )
    }

    @Test func `tells two bodies under one callback token apart`() throws {
        let forged = try #require(callback("{}"))
        let real = try #require(callback(#"{"code":200,"data":{"taskId":"t1","state":"success"}}"#))
        #expect(forged.dedup != real.dedup)
        #expect(forged.lane == real.lane)
        guard case .other(.kie, let key) = real.dedup else {
            Issue.record("\(real.dedup)")
            return
        }
        #expect(key.hasPrefix("01935b2e-0000-7000-8000-000000000001:t1:success:"))
    }

    @Test(
        arguments: [
            (#"{"data":{"taskId":"a","task_id":"b"},"taskId":"c"}"#, "a", nil),
            (#"{"taskId":"c","data":{"task_id":"b","callbackType":"text"}}"#, "b", "text"),
            (#"{"task_id":"d","taskId":"c","data":{"state":"fail","callbackType":"x"}}"#, "c", "fail"),
            (#"{"data":{"items":[{"taskId":"x"}],"info":{"taskId":"y"},"taskId":7}}"#, nil, nil),
            (#"{"data":{"taskId":"a","state":"success","resultJson":"{\"cut"#, "a", "success"),
        ] as [(String, String?, String?)]
    )
    func `finds the task of a callback in every spelling`(body: String, task: String?, state: String?) {
        let outline = CallbackOutline(Array(body.utf8))
        #expect(outline.taskID == task)
        #expect(outline.state == state)
    }

    @Test func `cuts a callback that is too long and keeps it for the operator`() throws {
        let body = #"{"data":{"taskId":"t1","param":"\#(String(repeating: "x", count: 100))"}}"#
        let cut = try #require(callback(body, maximumBytes: 60))
        #expect(cut.kind == "truncated")
        #expect(cut.isMalformed)
        #expect(cut.body.count == 60)
    }

    @Test func `refuses a wrong signature and hands nothing over that can't be signed`() throws {
        #expect(callback(#"{"data":{"taskId":"t1"}}"#, isSigned: { $0 == "t2" }) == nil)
        let good = try #require(callback(#"{"data":{"taskId":"t1"}}"#, isSigned: { $0 == "t1" }))
        #expect(!good.isMalformed)
        let unnamed = try #require(callback(#"{"code":200}"#, isSigned: { _ in true }))
        #expect(unnamed.isMalformed)
    }
}

@Suite struct `The signature of a callback` {
    private let keys = ["other", "kie-example-hmac-key"].map { Array($0.utf8) }
    private let code = "ivny80if8JHidG5LINhnkHeRQoBheybAvgXWaIBcUZw="
    private let task = "3f9c1e7a5b2d48c69a0e4d7f1b8c2a65"

    @Test func `fits its task, time and key only`() throws {
        let signature = try #require(CallbackSignature(timestamp: "1790000000", signature: code))
        #expect(signature.isValid(for: task, keys: keys))
        #expect(!signature.isValid(for: task, keys: [keys[0]]))
        #expect(!signature.isValid(for: "another", keys: keys))
        let later = try #require(CallbackSignature(timestamp: "1790000001", signature: code))
        #expect(!later.isValid(for: task, keys: keys))
    }

    @Test func `has one form`() {
        for (timestamp, signature) in [
            (nil, code), ("1790000000", nil), ("", code), ("soon", code), ("1790000000", "x"), ("1790000000", "AAAA"),
        ] as [(String?, String?)] {
            #expect(CallbackSignature(timestamp: timestamp, signature: signature) == nil)
        }
    }
}

@Suite struct `Address ranges` {
    @Test(arguments: [
        ("185.71.76.0/27", "185.71.76.31", true), ("185.71.76.0/27", "185.71.76.32", false),
        ("77.75.156.11", "77.75.156.11", true), ("77.75.156.11", "77.75.156.12", false),
        ("2a02:5180::/32", "2a02:5180:0:1509::1", true), ("2a02:5180::/32", "2a02:5181::1", false),
        ("185.71.76.0/27", "::ffff:185.71.76.5", true), ("0.0.0.0/0", "9.9.9.9", true),
        ("0.0.0.0/0", "nonsense", false),
    ])
    func `contain what they should`(range: String, address: String, isInside: Bool) throws {
        #expect(try #require(AddressRange(range)).contains(address) == isInside)
    }

    @Test(arguments: ["", "1.2.3", "1.2.3.4/33", "1.2.3.4/x", "::/129", "host"])
    func `refuse nonsense`(text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test func `believe only trusted proxies about the source`() throws {
        let trusted = [try #require(AddressRange("10.0.0.0/8"))]
        #expect(SourceAddress.of(peer: "9.9.9.9", forwardedFor: ["1.1.1.1"], trusted: trusted) == "9.9.9.9")
        #expect(SourceAddress.of(peer: "10.0.0.1", forwardedFor: ["6.6.6.6, 1.1.1.1"], trusted: trusted) == "1.1.1.1")
        #expect(SourceAddress.of(peer: "10.0.0.1", forwardedFor: ["1.1.1.1, 10.0.0.2"], trusted: trusted) == "1.1.1.1")
        #expect(SourceAddress.of(peer: "10.0.0.1", forwardedFor: [], trusted: trusted) == "10.0.0.1")
        // The first line is the client's own, the second one the proxy's.
        #expect(
            SourceAddress.of(peer: "10.0.0.1", forwardedFor: ["6.6.6.6", "1.1.1.1"], trusted: trusted) == "1.1.1.1"
        )
    }
}
