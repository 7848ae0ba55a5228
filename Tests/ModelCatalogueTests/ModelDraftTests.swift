import Contracts
import Testing

@testable import ModelCatalogue

struct ModelDraftTests {
    /// In the form of the provider's answer, with a reference as its documents have them.
    private static let answer: JSONValue = [
        "code": 200,
        "data": [
            "model": "acme/dream-2-video",
            "openapi": [
                "openapi": "3.1.0", "info": ["title": "Dream 2"],
                "paths": [
                    "/api/v1/jobs/createTask": [
                        "post": [
                            "requestBody": [
                                "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Request"]]]
                            ]
                        ]
                    ]
                ],
                "components": [
                    "schemas": [
                        "Request": [
                            "type": "object",
                            "properties": [
                                "model": ["type": "string"], "callBackUrl": ["type": "string", "format": "uri"],
                                "input": ["$ref": "#/components/schemas/Input"],
                            ],
                        ],
                        "Input": [
                            "type": "object", "required": ["prompt", "duration"],
                            "properties": [
                                "prompt": ["type": "string", "maxLength": 900],
                                "duration": ["type": "string", "enum": ["5", "10"]],
                                "image_urls": ["type": "array", "maxItems": 3, "items": ["type": "string"]],
                                "sound": ["type": "boolean", "default": true],
                                "strength": ["type": "number", "minimum": 0, "maximum": 1],
                                "shots": ["type": "array", "items": ["type": "object"]],
                            ],
                        ],
                    ]
                ],
            ],
        ],
    ]

    @Test func `a draft is a valid file that is withheld until somebody has filled it in`() throws {
        let draft = try ModelDraft(Self.answer)
        let text = draft.text(number: 900)
        let entry = try ModelFile.read(Array(text.utf8), file: "draft.json")
        #expect(entry.number == 900 && entry.slug == "acme/dream-2-video" && entry.output == .video)
        #expect(entry.route == ProviderRoute(family: .market, model: entry.slug, create: "/api/v1/jobs/createTask"))
        #expect(entry.inputs.map(\.input.name) == ["prompt", "duration", "image_urls", "sound", "strength"])
        #expect(entry.input("prompt")?.input.maximumLength == 900 && entry.input("prompt")?.input.isRequired == true)
        #expect(
            entry.input("duration")?.input.options == ["5", "10"] && entry.input("image_urls")?.input.maximumItems == 3
        )
        #expect(entry.withheld != nil && entry.price == nil)
        #expect(text.contains("\"shots\": \"The draft does not know how to ask for it.\""))
    }

    @Test(
        "what is no schema is told",
        arguments: [
            ("{}", "no member paths"), ("{\"paths\": {}}", "no call with a JSON body"),
            ("{\"data\": {\"openapi\": null}}", "no member paths"),
        ]
    )
    func troubles(_ text: String, _ reason: String) throws {
        let value = try ContractJSON.decode(JSONValue.self, from: text.utf8)
        #expect { try ModelDraft(value) } throws: { "\($0)".contains(reason) }
    }
}
