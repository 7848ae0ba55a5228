internal import Glibc

/// Gives a finished file its name. May block on the disk.
enum FileKeeper {
    /// - Parameter syncing: Whether file and folder are written to the disk before and after.
    /// - Returns: False if the file system refused.
    static func keep(_ partial: String, as path: String, syncing: Bool) -> Bool {
        if syncing {
            guard sync(partial, O_RDONLY) else { return false }
        }
        guard unsafe rename(partial, path) == 0 else { return false }
        return syncing ? sync(folder(of: path), O_RDONLY | O_DIRECTORY) : true
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func sync(_ path: String, _ flags: Int32) -> Bool {
        let descriptor = unsafe open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        let synced = fsync(descriptor) == 0
        close(descriptor)
        return synced
    }
}
