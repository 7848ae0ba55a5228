internal import Foundation

/// The files that come with the sandbox.
struct Resources: Sendable {
    let fonts: PlacardFonts
    let catalogue: KieCatalogue
    let clips: [String: [UInt8]]
    let page: [String: [UInt8]]

    /// A file is missing or damaged; names it.
    struct Missing: Error {
        let name: String
    }

    /// - Throws: `Missing`, when the resource folder does not lie beside the executable or is incomplete.
    init() throws {
        func read(_ name: String) throws -> [UInt8] {
            guard let content = FileManager.default.contents(atPath: Bundle.module.bundlePath + "/Resources/" + name)
            else { throw Missing(name: name) }
            return [UInt8](content)
        }
        func font(_ name: String) throws -> GlyphFont {
            guard let font = GlyphFont(try read("font/\(name).font")) else { throw Missing(name: name) }
            return font
        }
        fonts = PlacardFonts(title: try font("title"), body: try font("body"), small: try font("small"))
        catalogue = try KieCatalogue(file: try read("kie/models.json"))
        var clips: [String: [UInt8]] = [:]
        for name in ["clip-wide.mp4", "clip-tall.mp4", "clip-square.mp4", "chord.mp3"] {
            clips[name] = try read("clips/\(name)")
        }
        self.clips = clips
        var page: [String: [UInt8]] = [:]
        for name in ["index.html", "style.css", "app.js", "view.js", "icon.svg", "emoji.ttf"] {
            page[name] = try read("page/\(name)")
        }
        self.page = page
    }
}
