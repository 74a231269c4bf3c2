import HostalDatabase
import Testing

@Suite struct LocationTests {
    @Test func aLocationIsDescribedAnewAndKeepsWhatIsLeftOut() async throws {
        try await TestAPI.use { api in
            let store = LocationStore(api.database)
            let isThere = try await store.set(
                name: "default", newName: "fsn1", description: nil, country: "DE", city: "Falkenstein", networkZone: "eu")
            #expect(isThere)
            let location = try await api.get("/v1/locations?name=fsn1")["locations"][0]
            #expect(location["country"].text == "DE" && location["description"].text == "the first location")
            let isGone = try await store.set(
                name: "default", newName: nil, description: "x", country: nil, city: nil, networkZone: nil)
            #expect(!isGone)
            await #expect(throws: PostgresError.self) {
                try await store.set(name: "fsn1", newName: nil, description: nil, country: "Germany", city: nil, networkZone: nil)
            }
        }
    }

    @Test func aLocationCannotBeChosenWhereThereAreSeveral() async throws {
        try await TestAPI.use { api in
            _ = try await api.database.query("insert into hostal.locations (name) values ('second')")
            let chosen = try await api.call("POST", "/v1/servers", TestAPI.createBody("web", #", "location": "second""#))
            #expect(chosen.status == 422 && chosen.code == "unsupported_error" && chosen.fields == ["location"])
            #expect(try await api.call("POST", "/v1/servers", TestAPI.createBody("web")).status == 201)
        }
    }
}
