import Testing

/// Labels that two change at once.
@Suite struct LabelTests {
    @Test func aChangeMadeFromOldLabelsIsRefusedAndChangesNothing() async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web", #", "labels": {"env": "prod"}"#)
            let path = "/v1/servers/\(server)"
            let first = try await api.call(
                "PUT", path, #"{"labels": {"env": "prod", "a": "1"}, "expected_labels": {"env": "prod"}}"#)
            #expect(first.status == 200)
            let second = try await api.call(
                "PUT", path, #"{"name": "other", "labels": {"env": "prod", "b": "1"}, "expected_labels": {"env": "prod"}}"#)
            #expect(second.status == 409 && second.code == "conflict")
            let now = try await api.get(path)["server"]
            #expect(now["name"].text == "web" && now["labels"].fields.keys.sorted() == ["a", "env"])
            // As other clients do it: the last one wins.
            #expect(try await api.call("PUT", path, #"{"labels": {}}"#).status == 200)
            let foreign = try await api.call("PUT", path, #"{"labels": {}, "expected_labels": {}}"#, token: api.stranger)
            #expect(foreign.status == 404)
        }
    }

    @Test func ofTwoAtOnceFromTheSameLabelsOneIsRefused() async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 1...8 {
                    group.addTask {
                        try await api.call(
                            "PUT", "/v1/servers/\(server)", #"{"labels": {"n\#(number)": ""}, "expected_labels": {}}"#
                        ).status
                    }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.sorted() == [200] + Array(repeating: 409, count: 7))
        }
    }
}
