/// Reads one job.
package enum GetJob: Operation {
    package typealias Parameters = JobParameters
    package typealias Output = Job
    package static let service = ServiceName.generation
    package static let method = OperationMethod.get
    package static let path = "/v1/jobs/{job_id}"
    package static let callers: Set<ServiceName> = [.conversation, .operator]
    package static let problems: Set<ProblemCode> = [.jobNotFound]
}

/// Cancels a job that has not been submitted to the provider yet and gives the money back.
///
/// Problems: `not_cancellable` once the provider has it.
package enum CancelJob: Operation {
    package typealias Parameters = JobParameters
    package typealias Output = Job
    package static let service = ServiceName.generation
    package static let method = OperationMethod.post
    package static let path = "/v1/jobs/{job_id}/cancel"
    package static let callers: Set<ServiceName> = [.conversation, .operator]
    package static let problems: Set<ProblemCode> = [.jobNotFound, .notCancellable]
}

/// A user's jobs, newest first.
package enum ListJobs: Operation {
    package static let service = ServiceName.generation
    package static let method = OperationMethod.get
    package static let path = "/v1/users/{user_id}/jobs"
    package static let callers: Set<ServiceName> = [.conversation, .operator]

    package struct Parameters: OperationParameters, Equatable {
        package var userID: UserID
        /// 1...100; 20 if absent.
        package var limit: Int?

        package init(userID: UserID, limit: Int? = nil) {
            self.userID = userID
            self.limit = limit
        }

        package init(from values: ParameterValues) throws(ParameterError) {
            self.userID = try values.required("user_id")
            self.limit = try values.optional("limit")
        }

        package var values: [(name: String, value: String)] {
            [("user_id", String(userID))] + (limit.map { [("limit", String($0))] } ?? [])
        }
    }

    package struct Output: Codable, Sendable, Equatable {
        package var jobs: [Job]

        package init(jobs: [Job]) {
            self.jobs = jobs
        }
    }
}

/// The job in the path.
package struct JobParameters: OperationParameters, Equatable {
    package var jobID: JobID

    package init(jobID: JobID) {
        self.jobID = jobID
    }

    package init(from values: ParameterValues) throws(ParameterError) {
        self.jobID = try values.required("job_id")
    }

    package var values: [(name: String, value: String)] { [("job_id", jobID.description)] }
}
