internal import CCurl

/// A libcurl easy handle, freed by hand because libcurl may still hold it.
@safe
struct EasyHandle {
    let pointer: UnsafeMutableRawPointer

    init?() {
        guard let pointer = unsafe curl_easy_init() else { return nil }
        unsafe self.pointer = pointer
    }

    init(_ pointer: UnsafeMutableRawPointer) {
        unsafe self.pointer = pointer
    }

    /// Tells handles in use apart.
    var key: Int { unsafe Int(bitPattern: pointer) }

    func free() {
        unsafe curl_easy_cleanup(pointer)
    }
}
