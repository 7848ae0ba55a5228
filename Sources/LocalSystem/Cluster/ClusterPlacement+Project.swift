extension ClusterPlacement {
    /// The cluster of a project on this machine.
    package static func forProject(_ project: Project, name: String) -> ClusterPlacement {
        ClusterPlacement(
            name: name,
            state: project.state,
            isRoot: HostSystem.isRoot,
            postgresCanEnter: HostSystem.everybodyCanEnter(project.state + "/\(name)")
        )
    }
}
