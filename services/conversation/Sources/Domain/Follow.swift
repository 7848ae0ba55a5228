internal import Contracts

extension ModelTask {
    /// Whether it changes what is there as words say.
    var isToldInWords: Bool { [.imageToImage, .imageToVideo, .videoToVideo].contains(self) }
}

/// What can be done next with text or a file, in the order of how often people want it.
enum Follow {
    /// Tasks that take a file of this kind.
    static func tasks(for kind: MediaKind) -> [ModelTask] {
        switch kind {
        case .image: [.imageToImage, .imageToVideo, .upscale, .cleanUp, .avatar]
        case .video: [.upscale, .videoToVideo, .sound]
        case .audio: [.transcription, .avatar, .utility, .music]
        case .text: []
        }
    }

    /// Tasks that start from words alone.
    static let fromText: [ModelTask] = [.textToImage, .textToVideo, .music, .speech, .sound]

    /// Up to three suggestions for what came unprompted, each with the model that its price is from.
    static func suggestions(for offer: Offer, in catalogue: Catalogue) -> [(task: ModelTask, model: Model)] {
        let tasks = offer.media.first.map { Self.tasks(for: $0.kind) } ?? fromText
        let found = tasks.compactMap { task in
            catalogue.suggestion(for: task, media: offer.media, text: offer.text).map { (task: task, model: $0) }
        }
        return Array(found.prefix(3))
    }

    /// The stages that do tasks one after the other with a file of this kind; nil if one of them has no model that needs
    /// nothing but the file and the words.
    ///
    /// - Parameter maker: Number of the model that the file is to come from.
    static func chain(
        _ tasks: [ModelTask],
        from kind: MediaKind,
        madeBy maker: Int?,
        text: String?,
        in catalogue: Catalogue
    ) -> [NextStage]? {
        var (kind, maker, stages) = (kind, maker, [NextStage]())
        for task in tasks {
            let file = MediaReference(kind: kind)
            // Nobody is asked between the stages.
            let found = catalogue.suggestion(
                for: task,
                media: [file],
                madeBy: maker,
                text: text,
                asksForWords: false
            )
            guard let model = found else { return nil }
            let draft = Draft(modelNumber: model.number).filled(
                text: text,
                media: [file],
                madeBy: maker,
                model: model
            )
            guard draft.missingInput(of: model) == nil else { return nil }
            stages.append(NextStage(modelNumber: model.number, inputs: draft.inputs))
            (kind, maker) = (model.output, model.number)
        }
        return stages
    }

    /// What can be done with a picture at one go: each a first task, which the picture is for, and what follows it.
    static let chains: [[ModelTask]] = [[.upscale, .imageToVideo]]

    /// Next steps with a result.
    ///
    /// - Parameter maker: Number of the model that made it.
    static func steps(for asset: Asset, madeBy maker: Int, in catalogue: Catalogue) -> [ModelTask] {
        let file = MediaReference(assetID: asset.assetID, kind: asset.kind, sizeBytes: asset.sizeBytes)
        return tasks(for: asset.kind).filter {
            catalogue.suggestion(for: $0, media: [file], madeBy: maker, text: nil) != nil
        }
    }
}
