/// Every endpoint, and those that the API's clients know and Hostal does not have yet.
extension Endpoint {
    static let all =
        catalog + images + servers + serverActions + consoles + actions + sshKeys + primaryIPs + events + operators + absent

    private static let absent: [Endpoint] = {
        var absent: [Endpoint] = []
        func add(_ path: String, _ methods: String...) {
            absent += methods.map { Endpoint($0, path, .absent) }
        }
        for kind in [
            "volumes", "networks", "firewalls", "floating_ips", "load_balancers", "placement_groups", "certificates",
        ] {
            add("/v1/\(kind)", "GET", "POST")
            add("/v1/\(kind)/{id}", "GET", "PUT", "DELETE")
            add("/v1/\(kind)/actions", "GET")
            add("/v1/\(kind)/actions/{id}", "GET")
            add("/v1/\(kind)/{id}/actions", "GET")
            add("/v1/\(kind)/{id}/actions/{name}", "GET", "POST")
        }
        for kind in ["isos", "load_balancer_types"] {
            add("/v1/\(kind)", "GET")
            add("/v1/\(kind)/{id}", "GET")
        }
        for action in [
            "enable_rescue", "disable_rescue", "enable_backup", "disable_backup", "attach_iso", "detach_iso",
            "change_dns_ptr", "request_console", "attach_to_network", "detach_from_network", "change_alias_ips",
            "add_to_placement_group", "remove_from_placement_group",
        ] {
            add("/v1/servers/{id}/actions/\(action)", "POST")
        }
        add("/v1/servers/{id}/metrics", "GET")
        add("/v1/primary_ips", "POST")
        add("/v1/primary_ips/{id}", "PUT", "DELETE")
        add("/v1/primary_ips/actions", "GET")
        add("/v1/primary_ips/actions/{id}", "GET")
        add("/v1/primary_ips/{id}/actions", "GET")
        add("/v1/primary_ips/{id}/actions/{name}", "GET", "POST")
        return absent
    }()
}
