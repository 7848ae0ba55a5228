import Contracts

@testable import ConversationService

/// A catalogue with every kind of input and every shape of list.
enum Sample {
    static let catalogue: Catalogue = {
        var catalogue = Catalogue(ListModels.Output(revision: "r1", models: models, translatesPrompts: true))
        catalogue.templates = templates
        return catalogue
    }()

    /// One question that must be answered, one with answers to choose from, for moving pictures only.
    static let templates = [
        Template(
            number: 1,
            slug: "review",
            title: text("Обзор <товара>", "Product <review>"),
            summary: text("Рассказ & показ.", "Told & shown."),
            tasks: [.imageToVideo],
            text: "Человек держит {product}.[ Стиль: {style}.]",
            slots: [
                TemplateSlot(
                    name: "product",
                    label: text("Что за товар", "What product"),
                    isRequired: true,
                    maximumLength: 40
                ),
                TemplateSlot(
                    name: "style",
                    label: text("Стиль", "Style"),
                    isRequired: false,
                    maximumLength: 20,
                    suggestions: [text("домашний", "homely"), text("студийный", "studio")]
                ),
            ]
        )
    ]

    static func text(_ ru: String, _ en: String) -> LocalizedText { LocalizedText(ru: ru, en: en) }

    static let prompt = ModelInput(
        name: "prompt",
        kind: .text,
        label: text("Запрос", "Prompt"),
        isRequired: true,
        maximumLength: 5_000
    )
    static let ratio = ModelInput(
        name: "aspect_ratio",
        kind: .choice,
        label: text("Формат", "Format"),
        isRequired: false,
        defaultValue: "1:1",
        options: ["1:1", "16:9", "9:16"]
    )

    static func photos(_ maximum: Int, isRequired: Bool) -> ModelInput {
        ModelInput(
            name: "image_urls",
            kind: .files,
            label: text("Фото", "Photos"),
            isRequired: isRequired,
            minimumItems: isRequired ? 1 : nil,
            maximumItems: maximum,
            media: .image,
            maximumFileMegabytes: 10
        )
    }

    static func file(_ name: String, _ kind: MediaKind, _ ru: String, _ en: String) -> ModelInput {
        ModelInput(name: name, kind: .file, label: text(ru, en), isRequired: true, media: kind)
    }

    static func model(
        _ number: Int,
        _ title: String,
        _ tasks: [ModelTask],
        _ output: MediaKind = .image,
        kopecks: Int64,
        seconds: Int = 20,
        unit: String = "image",
        _ inputs: [ModelInput]
    ) -> Model {
        Model(
            number: number,
            slug: "vendor/model-\(number)",
            title: title,
            tasks: tasks,
            output: output,
            summary: text("Модель «\(title)» <для> проверки & тестов.", "The model “\(title)” <for> checks & tests."),
            isFree: kopecks == 0,
            fromKopecks: kopecks,
            priceUnit: unit,
            typicalSeconds: seconds,
            inputs: inputs
        )
    }

    static let negative = ModelInput(
        name: "negative_prompt",
        kind: .text,
        label: text("Чего не должно быть", "What to avoid"),
        isRequired: false,
        isAdvanced: true,
        maximumLength: 500
    )
    static let seed = ModelInput(
        name: "seed",
        kind: .integer,
        label: text("Зерно", "Seed"),
        isRequired: false,
        isAdvanced: true,
        minimum: 0,
        maximum: 1_000_000
    )
    static let voices = ModelInput(
        name: "voice",
        kind: .choice,
        label: text("Голос", "Voice"),
        isRequired: true,
        options: (1...40).map { .string("Voice number \($0)") }
    )

    static let models: [Model] =
        [
            model(1, "Z-Image", [.textToImage], kopecks: 0, seconds: 12, [prompt, ratio]),
            model(
                2,
                "Nano Banana Pro",
                [.textToImage, .imageToImage],
                kopecks: 1_400,
                [
                    prompt, photos(8, isRequired: false),
                    ModelInput(
                        name: "resolution",
                        kind: .choice,
                        label: text("Размер", "Size"),
                        isRequired: false,
                        defaultValue: "1K",
                        options: ["1K", "2K", "4K"]
                    ), ratio, seed, negative,
                ]
            ),
            model(
                3,
                "Kling Motion",
                [.imageToVideo],
                .video,
                kopecks: 8_000,
                seconds: 180,
                unit: "second",
                [
                    prompt, file("image_url", .image, "Первый кадр", "First frame"),
                    ModelInput(
                        name: "duration",
                        kind: .choice,
                        label: text("Длина", "Length"),
                        isRequired: false,
                        defaultValue: "5",
                        options: ["5", "10"]
                    ),
                    ModelInput(
                        name: "sound",
                        kind: .boolean,
                        label: text("Звук", "Sound"),
                        isRequired: false,
                        defaultValue: false
                    ),
                ]
            ),
            model(
                4,
                "Topaz Upscale",
                [.upscale],
                kopecks: 900,
                [
                    file("image_url", .image, "Фото", "Photo"),
                    ModelInput(
                        name: "upscale_factor",
                        kind: .choice,
                        label: text("Во сколько раз", "Factor"),
                        isRequired: true,
                        options: [2, 4]
                    ),
                ]
            ),
            model(20, "Crisp Upscale", [.upscale], kopecks: 950, [file("image_url", .image, "Фото", "Photo")]),
            model(5, "Suno Song", [.music], .audio, kopecks: 1_250, seconds: 60, unit: "request", [prompt]),
            model(
                6,
                "Talking Photo",
                [.avatar],
                .video,
                kopecks: 5_500,
                seconds: 240,
                unit: "second",
                [
                    file("image_url", .image, "Портрет", "Portrait"),
                    file("audio_url", .audio, "Голос", "Voice"),
                ]
            ),
            model(
                7,
                "Narrator",
                [.speech],
                .audio,
                kopecks: 300,
                unit: "1000_characters",
                [
                    ModelInput(
                        name: "text",
                        kind: .text,
                        label: text("Текст", "Text"),
                        isRequired: true,
                        maximumLength: 3_000
                    ),
                    voices,
                    ModelInput(
                        name: "speed",
                        kind: .number,
                        label: text("Скорость", "Speed"),
                        isRequired: true,
                        minimum: 0.7,
                        maximum: 1.2
                    ),
                ]
            ),
        ]
        + (8...19).map { model($0, "Painter \($0)", [.textToImage], kopecks: Int64($0) * 100, seconds: $0, [prompt]) }
}
