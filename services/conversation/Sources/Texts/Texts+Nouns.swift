internal import Contracts

extension Texts {
    /// Labels that say no more than which kind of file is asked for.
    static func kindNames(of media: MediaKind, in language: Language) -> [String] {
        switch (media, language) {
        case (.image, .russian): ["фото", "картинка", "изображение"]
        case (.image, .english): ["photo", "photos", "picture", "image", "images"]
        case (.video, .russian): ["видео"]
        case (.video, .english): ["video", "videos"]
        case (.audio, .russian): ["аудио"]
        case (.audio, .english): ["audio"]
        case (.text, _): []
        }
    }

    /// Forms of counted words: Russian for 1, 2 and 5; English for 1 and 2.
    static func forms(of noun: Noun, in language: Language) -> [String] {
        switch (noun, language) {
        case (.job, .russian): ["задание", "задания", "заданий"]
        case (.job, .english): ["job", "jobs"]
        case (.picture, .russian): ["картинка", "картинки", "картинок"]
        case (.picture, .english): ["picture", "pictures"]
        case (.pictureWanted, .russian): ["картинку", "картинки", "картинок"]
        case (.pictureWanted, .english): forms(of: .picture, in: language)
        case (.file, .russian): ["файл", "файла", "файлов"]
        case (.file, .english): ["file", "files"]
        case (.character, .russian): ["знак", "знака", "знаков"]
        case (.characterBound, .russian): ["знака", "знаков", "знаков"]
        case (.characterBound, .english): forms(of: .character, in: language)
        case (.character, .english): ["character", "characters"]
        }
    }
}
