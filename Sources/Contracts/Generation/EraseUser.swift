/// Removes what a user has given and made: files in the asset store, prompts and other inputs, quotes.
///
/// What jobs cost and how they ended stays, without words and files: the ledger and the statistics need it. Files and
/// words of jobs under way go when these end. Asking again is the same; later jobs are not touched.
package enum EraseUser: Operation {
    package static let service = ServiceName.generation
    package static let method = OperationMethod.post
    package static let path = "/v1/users/{user_id}/erase"
    package static let callers: Set<ServiceName> = [.conversation, .operator]
    package static let defaultTimeout = Duration.seconds(15)

    package struct Parameters: OperationParameters, Equatable {
        package var userID: UserID

        package init(userID: UserID) {
            self.userID = userID
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.userID = try values.required("user_id")
        }

        package var values: [(name: String, value: String)] { [("user_id", String(userID))] }
    }

    package struct Output: Codable, Sendable, Equatable {
        /// Files that this call took out; their bytes are removed within a minute.
        package var erasedAssets: Int
        /// Jobs whose words this call removed.
        package var erasedJobs: Int
        /// Jobs under way, whose files and words go when they end.
        package var openJobs: Int

        package init(erasedAssets: Int, erasedJobs: Int, openJobs: Int) {
            self.erasedAssets = erasedAssets
            self.erasedJobs = erasedJobs
            self.openJobs = openJobs
        }
    }
}
