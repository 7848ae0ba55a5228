import Contracts
import Testing

@testable import GenerationService

struct ErrorClassifierTests {
    @Test(
        "what the provider has been heard to say",
        arguments: [
            (
                402, "Credits insufficient : Your current balance isn't enough to run this request. Please top up",
                .insufficientCredits
            ),
            (
                500, "Credits insufficient : Your current balance isn't enough to run this request.",
                .insufficientCredits
            ),
            (429, "insufficient credits", .insufficientCredits),
            (429, "Your call frequency is too high. Please try again later.", .rateLimit),
            (430, "call frequency is too high", .rateLimit),
            (400, "You have reached the limit for concurrent generations", .rateLimit),
            (433, "Sub-key usage limit exceeded", .keyLimit),
            (500, "aspect_ratio is not within the range of allowed options", .invalidInput),
            (500, "This field is required", .invalidInput),
            (422, "prompt cannot be empty", .invalidInput),
            (422, "The model name you specified is not supported.", .invalidInput),
            (422, "each reference video must be between 2 and 30 seconds", .invalidInput),
            (422, "prompt length is invalid: the maximum is 1000 characters", .invalidInput),
            (422, "nsfw_checker type is invalid: it must be boolean", .invalidInput),
            (404, "The page does not exist or is not published", .invalidInput),
            (nil, "nsfw", .refused),
            (400, "Content was flagged by the safety system. Try different prompts or inputs.", .refused),
            (nil, "Your input or output was flagged as sensitive.", .refused),
            (400, "The uploaded audio was flagged by Google safety review", .refused),
            (500, "The request failed because the output video may be related to copyright restrictions.", .refused),
            (400, "The prompt was caught by our AI moderator", .refused),
            (400, "Inappropriate content detected. Please replace the image or video.", .refused),
            (400, "Your prompt was flagged by Website as violating content policies", .refused),
            (422, "Your request was rejected by Flow (PUBLIC_ERROR_PROMINENT_PEOPLE_FILTER_FAILED)", .refused),
            (400, "Unsafe image upload", .refused),
            (400, "InputImageSensitiveContentDetected.PrivacyInformation", .refused),
            (400, "lyrics contained artist name", .refused), (nil, "SENSITIVE_WORD_ERROR", .refused),
            (500, "internal error, please try again later.", .temporary), (500, "Internal server error", .temporary),
            (501, "Playground task failed.", .temporary), (nil, " GENERATION_FAILED", .temporary),
            (500, "this interface is temporarily paused", .temporary), (455, "Service Unavailable", .temporary),
            (408, "", .temporary), (550, "queue full", .temporary), (531, "", .temporary), (524, "", .temporary),
            (nil, "the upstream API service timed out", .temporary),
            (451, "Failed to fetch the image. Kindly verify any access limits set by you.", .fetchFailed),
            (401, "You do not have access permissions", .unauthorized), (403, "error code: 1010", .unauthorized),
            (404, "Not Found", .notFound), (505, "feature disabled", .notFound),
            (422, "Record does not exist", .unknown), (400, "bad request", .unknown), (nil, "", .unknown),
        ] as [(Int?, String, ErrorClass)]
    )
    func classifies(_ code: Int?, _ text: String, _ expected: ErrorClass) {
        #expect(ErrorClassifier.classify(code: code, text: text) == expected)
        #expect(ErrorClassifier.classify(code: code, text: text.uppercased()) == expected)
    }

    @Test func `words inside other words mean nothing`() {
        #expect(ErrorClassifier.classify(code: 400, text: "insensitivenessx of the flaggedness") == .unknown)
    }

    @Test(
        "a failed try is repeated by its class, a bounded number of times",
        arguments: [
            (.temporary, 1, 0, .retry(after: .seconds(2))), (.temporary, 2, 0, .retry(after: .seconds(8))),
            (.temporary, 3, 0, .fail(.provider)), (.rateLimit, 1, 0, .postpone(after: .seconds(2))),
            (.rateLimit, 1, 7, .postpone(after: .seconds(30))), (.rateLimit, 1, 8, .fail(.provider)),
            (.unreachable, 1, 1, .postpone(after: .seconds(5))), (.insufficientCredits, 1, 3, .fail(.provider)),
            (.fetchFailed, 1, 0, .retry(after: .seconds(1))), (.fetchFailed, 2, 0, .fail(.inputUnavailable)),
            (.refused, 1, 0, .fail(.refused)), (.invalidInput, 1, 0, .fail(.invalidInput)),
            (.notFound, 1, 0, .fail(.provider)), (.unknown, 1, 0, .fail(.unknown)),
        ] as [(ErrorClass, Int, Int, RetryDecision)]
    )
    func decides(_ failure: ErrorClass, _ attempt: Int, _ postponements: Int, _ expected: RetryDecision) {
        #expect(RetryPolicy.decide(failure, attempt: attempt, postponements: postponements) == expected)
    }
}
