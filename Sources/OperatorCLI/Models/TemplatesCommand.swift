internal import Contracts
internal import LocalSystem
internal import ModelCatalogue

/// `atelier templates`: the prompts with slots that the operator offers.
struct TemplatesCommand: Sendable {
    let project: Project
    let environment: [String: String]

    static let usage = """
        usage: atelier templates <command> [--templates FOLDER]
          lint          checks every template file; exit code 1 if one is refused
          list          shows the templates with their slots
        """

    func run(_ arguments: [String]) throws -> Int32 {
        var words = arguments
        let folder =
            try ModelsCommand.option("--templates", in: &words, usage: Self.usage) ?? environment["ATELIER_TEMPLATES"]
            ?? "\(project.root)/services/generation/templates"
        switch words.first {
        case "lint": return try lint(folder)
        case "list":
            for template in try shelf(folder).templates { Console.say(Self.line(template)) }
            return 0
        case "help":
            Console.say(Self.usage)
            return 0
        default:
            Console.complain(Self.usage)
            return 2
        }
    }

    private func lint(_ folder: String) throws -> Int32 {
        let shelf = try shelf(folder)
        for refusal in shelf.refused { Console.complain("\(folder)/\(refusal.text)") }
        Console.say("\(shelf.templates.count) templates, \(shelf.refused.count) files refused")
        return shelf.refused.isEmpty ? 0 : 1
    }

    private func shelf(_ folder: String) throws -> TemplateShelf {
        do { return try TemplateShelf.load(folder) } catch {
            throw OperatorError("The folder \(folder) can't be read.", "Name it with --templates.")
        }
    }

    /// `1 product-review (image_to_video): product*, style, wishes; at most 1,200 characters`
    static func line(_ template: Template) -> String {
        let slots = template.slots.map { $0.name + ($0.isRequired ? "*" : "") }.joined(separator: ", ")
        let tasks = template.tasks.map(\.rawValue).joined(separator: ", ")
        return "\(template.number) \(template.slug) (\(tasks)): \(slots); at most \(template.maximumLength) characters"
    }
}
