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

    @Test func aServerIsOrderedForTheLocationThatWasChosen() async throws {
        try await TestAPI.use { api in
            let second = try await LocationStore(api.database).add(
                name: "second", description: "", country: "", city: "", networkZone: "default")
            for (name, more) in [
                ("a", #""location": "second""#), ("b", #""location": \#(second)"#), ("c", #""datacenter": "second""#),
                ("d", #""location": "second", "datacenter": \#(second)"#),
            ] {
                let reply = try await api.call("POST", "/v1/servers", TestAPI.createBody(name, ", " + more))
                #expect(reply.status == 201, "\(reply.text)")
                #expect(reply.body["server"]["location"]["name"].text == "second")
            }
            #expect(try await api.count("servers where location_id = \(second)") == 4)
            #expect(try await api.call("POST", "/v1/servers", TestAPI.createBody("web")).status == 201)
            for (field, more) in [
                ("location", #""location": "third""#), ("datacenter", #""datacenter": 99"#),
                ("datacenter", #""location": "second", "datacenter": "default""#),
            ] {
                let reply = try await api.call("POST", "/v1/servers", TestAPI.createBody("x", ", " + more))
                #expect(reply.status == 422 && reply.fields == [field], "\(reply.text)")
            }
        }
    }
}
