import Contracts
import Foundation
import Testing
import Time

@testable import GenerationService

struct TaskRecordTests {
    private func read(_ text: String) -> TaskRecord { TaskRecordReader.read(Array(text.utf8)) }

    @Test func `a running task is running, whatever its state is called`() {
        for state in ["waiting", "queuing", "generating", "somethingNew"] {
            let body =
                #"{"code":200,"msg":"success","data":{"taskId":"t","state":"\#(state)","resultJson":"","failCode":null}}"#
            #expect(read(body) == .running)
        }
        #expect(read(#"{"code":200,"data":{"successFlag":0,"response":null}}"#) == .running)
    }

    @Test func `a record that is not there yet is no failure`() {
        #expect(read(#"{"code":422,"msg":"recordInfo is null","data":null}"#) == .notVisible)
        #expect(read(#"{"code":200,"msg":"success","data":null}"#) == .notVisible)
        #expect(read(#"{"code":404,"msg":"task not found"}"#) == .notVisible)
        #expect(read(#"{"code":429,"msg":"Your call frequency is too high.","data":null}"#) == .unreadable("code 429"))
        #expect(read("<html>") == .unreadable("no JSON"))
        #expect(read("") == .unreadable("no JSON"))
    }

    @Test(
        "results come in many shapes",
        arguments: [
            #""resultJson":"{\"resultUrls\":[\"https://x/1.png\"]}""#,
            #""resultJson":"","response":{"resultUrls":["https://x/1.png"]}"#,
            #""resultJson":{"resultUrls":"https://x/1.png"}"#,
            #""resultJson":"{\"resultUrls\":[{\"resultUrl\":\"https://x/1.png\"}]}""#,
            #""resultJson":"{\"resultUrls\":[\"https://x/1.png\",\"https://x/1.png\"],\"firstFrameUrl\":[\"https://x/f.png\"]}""#,
            #""resultJson":"{\"video_url\":\"https://x/1.png\"}""#,
            #""resultJson":"{\"images\":[{\"url\":\"https://x/1.png\"}]}""#,
            #""info":{"result_urls":["https://x/1.png"]}"#,
            #""info":{"resultUrls":"[\"https://x/1.png\"]"}"#,
            #""resultJson":"{\"data\":[{\"audio_url\":\"https://x/1.png\",\"image_url\":\"https://x/c.jpg\"}]}""#,
        ]
    )
    func shapes(_ members: String) {
        let body = #"{"code":200,"data":{"state":"success",\#(members),"creditsConsumed":18.5}}"#
        #expect(read(body) == .succeeded(TaskResult(urls: ["https://x/1.png"], millicredits: 18_500)))
    }

    @Test func `a success without files is a success without files`() {
        let nothing = TaskRecord.succeeded(TaskResult(urls: [], millicredits: nil))
        #expect(read(#"{"data":{"state":"success","resultJson":"{\"resultUrls\":[]}"}}"#) == nothing)
        #expect(read(#"{"data":{"state":"success","resultJson":null}}"#) == nothing)
        #expect(
            read(#"{"data":{"state":"success","resultJson":"{\"resultUrls\":[\"ftp://x\",\"data:,\"]}"}}"#) == nothing
        )
    }

    @Test func `failures keep their code and text`() {
        let violation = #"{"data":{"state":"fail","failCode":"500","failMsg":"nsfw"}}"#
        #expect(read(violation) == .failed(ProviderFailure(code: 500, text: "nsfw")))
        let number = #"{"data":{"state":"fail","failCode":500,"failMsg":"internal error"}}"#
        #expect(read(number) == .failed(ProviderFailure(code: 500, text: "internal error")))
        let word = #"{"data":{"state":"fail","failCode":"GENERATION_FAILED","failMsg":""}}"#
        #expect(read(word) == .failed(ProviderFailure(code: nil, text: " GENERATION_FAILED")))
        #expect(
            read(#"{"data":{"successFlag":3,"errorCode":400,"errorMessage":"bad"}}"#)
                == .failed(ProviderFailure(code: 400, text: "bad"))
        )
    }

    @Test func `an echo with quotes that are not escaped is cut out`() {
        let param =
            #"{"input":"{\"prompt\":\"say "hi", please\"}","model":"z-image","callBackUrl":"https://b/webhooks/kie/T"}"#
        let body =
            #"{"code":200,"msg":"success","data":{"taskId":"t","model":"z-image","param":"\#(param)","state":"success","resultJson":"{\"resultUrls\":[\"https://x/1.png\"]}","creditsConsumed":0.8}}"#
        #expect((try? JSONDecoder().decode(JSONValue.self, from: Data(body.utf8))) == nil, "the body must be broken")
        #expect(read(body) == .succeeded(TaskResult(urls: ["https://x/1.png"], millicredits: 800)))
    }

    @Test func `a body that is cut off still tells its files`() {
        let body =
            #"{"code":200,"data":{"taskId":"t","state":"success","resultJson":"{\"resultUrls\":[\"https:\/\/x\/1.png\"]}","par"#
        #expect(read(body) == .succeeded(TaskResult(urls: ["https://x/1.png"], millicredits: nil)))
        #expect(
            read(#"{"data":{"state":"fail","failMsg":"nsfw","#) == .failed(ProviderFailure(code: nil, text: "nsfw"))
        )
    }

    @Test func `no prefix of a body makes the reader trap`() {
        let body = Array(
            #"{"code":200,"data":{"param":"{"a":"b"}","state":"success","resultJson":"{\"resultUrls\":[\"https://x/1\"]}"}}"#
                .utf8
        )
        for length in 0...body.count { _ = TaskRecordReader.read(Array(body.prefix(length))) }
        #expect(TaskRecordReader.read(body) != .running)
    }

    @Test(
        "the task's id is found in whichever spelling",
        arguments: [
            #"{"data":{"taskId":"t1"}}"#, #"{"data":{"task_id":"t1"}}"#, #"{"taskId":"t1","data":{}}"#,
            #"{"task_id":"t1"}"#,
        ]
    )
    func ids(_ body: String) {
        #expect(TaskRecordReader.taskID(in: Array(body.utf8)) == "t1")
    }

    @Test func `an id that is empty or endless is none`() {
        let endless = String(repeating: "x", count: 129)
        #expect(TaskRecordReader.taskID(in: Array(#"{"taskId":"\#(endless)"}"#.utf8)) == nil)
        #expect(TaskRecordReader.taskID(in: Array(#"{"taskId":""}"#.utf8)) == nil)
        #expect(TaskRecordReader.taskID(in: Array("no json".utf8)) == nil)
    }

    @Test(
        "createTask's answer is yes, no or unknown",
        arguments: [
            (200, #"{"code":200,"data":{"taskId":"t"}}"#, .accepted(taskID: "t")),
            (200, #"{"code":200,"message":"success","data":{"taskId":"t"}}"#, .accepted(taskID: "t")),
            (200, #"{"code":200,"data":null}"#, .unknown("no task id")),
            (
                200, #"{"code":402,"msg":"Credits insufficient"}"#,
                .refused(ProviderFailure(code: 402, text: "Credits insufficient"))
            ),
            (401, #"{"code":401,"message":"no access"}"#, .refused(ProviderFailure(code: 401, text: "no access"))),
            (403, "error code: 1010", .refused(ProviderFailure(code: 403, text: "error code: 1010"))),
            (502, "<html>", .unknown("HTTP 502")), (200, "<html>", .unknown("no JSON")),
            (200, #"{"code":524,"msg":"timeout"}"#, .unknown("code 524")),
            (
                200, #"{"code":500,"msg":"Server exception"}"#,
                .refused(ProviderFailure(code: 500, text: "Server exception"))
            ),
        ] as [(Int, String, Submission)]
    )
    func submissions(_ status: Int, _ body: String, _ expected: Submission) {
        #expect(KIEClient.submission(status: status, body: Array(body.utf8)) == expected)
    }
}

struct TaskEchoTests {
    private let submitted = Timestamp(seconds: 1_790_000_000)

    private func echo(_ members: String) -> TaskEcho { TaskEcho(Array("{\"code\":200,\"data\":{\(members)}}".utf8)) }

    @Test func `our token in the echo is proof`() {
        let record = echo(#""param":"{\"callBackUrl\":\"https://b/webhooks/kie/TOKEN\"}","model":"other""#)
        #expect(record.fits(token: "TOKEN", model: "m", submittedAt: submitted))
    }

    @Test func `another's token is refused even if all else fits`() {
        let record = echo(#""param":"https://b/webhooks/kie/OTHER","model":"m","createTime":1790000001000"#)
        #expect(!record.fits(token: "TOKEN", model: "m", submittedAt: submitted))
    }

    @Test func `without an echo model and time must fit`() {
        #expect(
            echo(#""model":"m","createTime":1790000001000"#).fits(token: "TOKEN", model: "m", submittedAt: submitted)
        )
        #expect(
            !echo(#""model":"x","createTime":1790000001000"#).fits(token: "TOKEN", model: "m", submittedAt: submitted)
        )
        #expect(
            !echo(#""model":"m","createTime":1790000500000"#).fits(token: "TOKEN", model: "m", submittedAt: submitted)
        )
        #expect(!echo(#""model":"m""#).fits(token: "TOKEN", model: "m", submittedAt: submitted))
        #expect(!TaskEcho(Array("junk".utf8)).fits(token: "TOKEN", model: "m", submittedAt: submitted))
    }
}
