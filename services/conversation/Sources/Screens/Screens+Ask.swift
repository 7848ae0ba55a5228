internal import Contracts

extension Screens {
    /// Asks for the one thing that is missing.
    func ask(for input: ModelInput) -> String {
        let name = Texts.Argument.text(texts.name(of: input))
        // What only a result can be is not to be had by sending something.
        if input.madeBy != nil { return texts.html(.askResult, ["input": name]) }
        switch input.kind {
        case .text: return texts.html(input.name == "prompt" ? .askPrompt : .askText, ["input": name])
        case .choice, .boolean: return texts.html(.askChoice, ["input": name])
        case .integer, .number: return texts.html(.askNumber, ["input": name])
        case .file, .files:
            // "Send a photo: Photo" would say it twice.
            let what = texts.name(of: input)
            let names = Texts.kindNames(of: input.media ?? .image, in: texts.language)
            let name = Texts.Argument.text(names.contains(what.lowercased()) ? "" : ": " + what)
            switch input.media {
            case .video: return texts.html(.askVideo, ["input": name])
            case .audio: return texts.html(.askAudio, ["input": name])
            default:
                guard input.capacity > 1 else { return texts.html(.askImage, ["input": name]) }
                return texts.html(.askImages, ["input": name, "limit": .text(String(input.capacity))])
            }
        }
    }
}
