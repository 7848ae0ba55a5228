import Contracts
import DeliveryService
import Testing

@Suite struct TelegramAnswerTests {
    /// Error envelopes in the shape of the real Bot API, with what the sender of messages makes of each.
    @Test(
        arguments: [
            (
                429,
                #"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17","parameters":{"retry_after":17}}"#,
                TelegramAnswer.flooded(seconds: 17)
            ),
            (
                429, #"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 8"}"#,
                .flooded(seconds: 8)
            ),
            (
                429, #"{"ok":false,"error_code":429,"description":"?","parameters":{"retry_after":999999}}"#,
                .flooded(seconds: 3_600)
            ),
            (
                400,
                #"{"ok":false,"error_code":400,"description":"Bad Request: failed to send message #1 with the error message \"Too Many Requests: retry after 8\""}"#,
                .partlyFlooded(seconds: 8)
            ),
            (
                400,
                #"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1002999888777}}"#,
                .moved(-1_002_999_888_777)
            ),
            (
                403, #"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#,
                .unreachable("blocked")
            ),
            (
                403, #"{"ok":false,"error_code":403,"description":"Forbidden: user is deactivated"}"#,
                .unreachable("user is deactivated")
            ),
            (
                403,
                #"{"ok":false,"error_code":403,"description":"Forbidden: bot can't initiate conversation with a user"}"#,
                .unreachable("bot can't initiate conversation with a user")
            ),
            (
                403,
                #"{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked from the supergroup chat"}"#,
                .unreachable("bot was kicked from the supergroup chat")
            ),
            (
                403, #"{"ok":false,"error_code":403,"description":"Forbidden: the group chat was deleted"}"#,
                .unreachable("the group chat was deleted")
            ),
            (
                400, #"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#,
                .unreachable("chat not found")
            ),
            (
                400,
                #"{"ok":false,"error_code":400,"description":"Bad Request: message is not modified: specified new message content and reply markup are exactly the same"}"#,
                .notModified
            ),
            (
                400, #"{"ok":false,"error_code":400,"description":"Bad Request: message to edit not found"}"#,
                .targetGone
            ),
            (400, #"{"ok":false,"error_code":400,"description":"Bad Request: MESSAGE_ID_INVALID"}"#, .targetGone),
            (400, #"{"ok":false,"error_code":400,"description":"Bad Request: message can't be edited"}"#, .notEditable),
            (
                400,
                #"{"ok":false,"error_code":400,"description":"Bad Request: there is no text in the message to edit"}"#,
                .notEditable
            ),
            (
                400,
                #"{"ok":false,"error_code":400,"description":"Bad Request: message can't be deleted for everyone"}"#,
                .targetGone
            ),
            (
                400, #"{"ok":false,"error_code":400,"description":"Bad Request: message to be replied not found"}"#,
                .replyTargetGone
            ),
            (
                400, #"{"ok":false,"error_code":400,"description":"Bad Request: message thread not found"}"#,
                .replyTargetGone
            ),
            (
                400,
                #"{"ok":false,"error_code":400,"description":"Bad Request: query is too old and response timeout expired or query ID is invalid"}"#,
                .queryExpired
            ),
            (
                400, #"{"ok":false,"error_code":400,"description":"Bad Request: failed to get HTTP URL content"}"#,
                .fileIDRefused
            ),
            (
                400,
                #"{"ok":false,"error_code":400,"description":"Bad Request: wrong remote file identifier specified: can't unserialize it. Wrong last symbol"}"#,
                .fileIDRefused
            ),
            (400, #"{"ok":false,"error_code":400,"description":"Bad Request: file is too big"}"#, .fileTooBig),
            (
                400,
                #"{"ok":false,"error_code":400,"description":"Bad Request: wrong file_id or the file is temporarily unavailable"}"#,
                .fileIDRefused
            ),
            (
                400,
                #"{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 0"}"#,
                .markupRefused
            ),
            (
                400, #"{"ok":false,"error_code":400,"description":"Bad Request: PHOTO_INVALID_DIMENSIONS"}"#,
                .pictureRefused
            ),
            (400, #"{"ok":false,"error_code":400,"description":"Bad Request: IMAGE_PROCESS_FAILED"}"#, .pictureRefused),
            (
                400, #"{"ok":false,"error_code":400,"description":"Bad Request: VOICE_MESSAGES_FORBIDDEN"}"#,
                .formForbidden
            ),
            (
                400,
                #"{"ok":false,"error_code":400,"description":"Bad Request: not enough rights to send photos to the chat"}"#,
                .formForbidden
            ),
            (
                400,
                #"{"ok":false,"error_code":400,"description":"Bad Request: not enough rights to send text messages to the chat"}"#,
                .unreachable("not enough rights")
            ),
            (
                400, #"{"ok":false,"error_code":400,"description":"Bad Request: message is too long"}"#,
                .rejected("message is too long")
            ),
            (
                400, #"{"ok":false,"error_code":400,"description":"Bad Request: BUTTON_DATA_INVALID"}"#,
                .rejected("BUTTON_DATA_INVALID")
            ),
            (401, #"{"ok":false,"error_code":401,"description":"Unauthorized"}"#, .unauthorized),
            (404, #"{"ok":false,"error_code":404,"description":"Not Found"}"#, .unauthorized),
            (
                404, #"{"ok":false,"error_code":404,"description":"Not Found: method not found"}"#,
                .rejected("method not found")
            ),
            (413, #"{"ok":false,"error_code":413,"description":"Request Entity Too Large"}"#, .tooLarge),
            (413, "<html>413</html>", .tooLarge),
            (
                500, #"{"ok":false,"error_code":500,"description":"Internal Server Error: restart"}"#,
                .uncertain("status 500")
            ),
            (421, #"{"ok":false,"error_code":421,"description":"Misdirected Request"}"#, .uncertain("status 421")),
            (502, #"{"ok":false,"error_code":502,"description":"Bad Gateway"}"#, .uncertain("status 502")),
            (502, "<html><head><title>502 Bad Gateway</title></head></html>", .uncertain("status 502 without JSON")),
            (200, "", .uncertain("status 200 without JSON")),
            (200, "[]", .uncertain("status 200 without JSON")),
            (200, #"{"ok":true,"result":true}"#, .accepted(true)),
        ] as [(Int, String, TelegramAnswer)]
    )
    func `each answer has one meaning`(status: Int, body: String, answer: TelegramAnswer) {
        #expect(TelegramAnswer(status: status, body: [UInt8](body.utf8)) == answer)
    }

    @Test func `a photo's largest size is remembered, and an animation is not taken for a document`() throws {
        let photo = try result(
            #"{"message_id":7,"photo":[{"file_id":"small","width":90},{"file_id":"large","width":1280}]}"#
        )
        #expect(
            SentMessage(result: photo) == SentMessage(messageIDs: [7], files: [.init(fileID: "large", form: .photo)])
        )
        let animation = try result(#"{"message_id":8,"animation":{"file_id":"a"},"document":{"file_id":"a"}}"#)
        #expect(SentMessage(result: animation).files == [.init(fileID: "a", form: .animation)])
    }

    @Test func `an album names its messages in order and an edit of nothing names none`() throws {
        let album = try result(
            #"[{"message_id":1,"photo":[{"file_id":"x"}]},{"message_id":2,"video":{"file_id":"y"}}]"#
        )
        #expect(SentMessage(result: album).messageIDs == [1, 2])
        #expect(
            SentMessage(result: album).files == [.init(fileID: "x", form: .photo), .init(fileID: "y", form: .video)]
        )
        #expect(SentMessage(result: true).messageIDs.isEmpty)
    }

    private func result(_ json: String) throws -> JSONValue {
        try ContractJSON.decode(JSONValue.self, from: [UInt8](json.utf8))
    }
}
