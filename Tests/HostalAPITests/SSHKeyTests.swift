import Testing

@Suite struct SSHKeyTests {
    @Test func aKeyIsKeptFoundRenamedAndForgotten() async throws {
        try await TestAPI.use { api in
            let made = try await api.call(
                "POST", "/v1/ssh_keys", #"{"name": "k", "public_key": "\#(TestAPI.key)", "labels": {"a": "b"}}"#)
            #expect(made.status == 201, "\(made.text)")
            let key = made.body["ssh_key"]
            let number = try #require(key["id"].number)
            let fingerprint = try #require(key["fingerprint"].text)
            #expect(fingerprint.wholeMatch(of: /([0-9a-f]{2}:){15}[0-9a-f]{2}/) != nil)
            #expect(try await api.get("/v1/ssh_keys?fingerprint=\(fingerprint)")["ssh_keys"][0] == key)
            #expect(try await api.get("/v1/ssh_keys?name=k&label_selector=a=b")["ssh_keys"][0] == key)
            #expect(try await api.get("/v1/ssh_keys?label_selector=a=c")["ssh_keys"].entries.isEmpty)
            let renamed = try await api.call("PUT", "/v1/ssh_keys/\(number)", #"{"name": "k2"}"#)
            #expect(renamed.body["ssh_key"]["name"].text == "k2" && renamed.body["ssh_key"]["labels"]["a"].text == "b")
            let gone = try await api.call("DELETE", "/v1/ssh_keys/\(number)")
            #expect(gone.status == 204 && gone.text.isEmpty)
            #expect(try await api.call("DELETE", "/v1/ssh_keys/\(number)").status == 404)
        }
    }

    @Test(arguments: [
        ("", "name"), (String(repeating: "x", count: 129), "name"),
    ]) func aWrongNameIsRefused(name: String, field: String) async throws {
        try await TestAPI.use { api in
            let reply = try await api.call("POST", "/v1/ssh_keys", #"{"name": "\#(name)", "public_key": "\#(TestAPI.key)"}"#)
            #expect(reply.status == 422 && reply.fields == [field])
        }
    }

    @Test(arguments: [
        "", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-ed25519 !!!!", #"command=\"x\" \#(TestAPI.key)"#,
        #"\#(TestAPI.key)\n\#(TestAPI.key)"#,
        // A key of one type that says it is of another.
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIJ6zMDGaqLhmwXdWqlf2Fj4lvxkYjtQ7b2v4k2zI7r1X me",
        "ssh-dss AAAAB3NzaC1kc3MAAACBAJ6zMDGaqLhmwXdWqlf2Fj4lvxkYjtQ7b2v4k2zI7r1X me",
    ]) func whatIsNoKeyIsRefused(text: String) async throws {
        try await TestAPI.use { api in
            let reply = try await api.call("POST", "/v1/ssh_keys", #"{"name": "k", "public_key": "\#(text)"}"#)
            #expect(reply.status == 422 && reply.fields == ["public_key"], "\(reply.text)")
        }
    }

    @Test func aKeyAndItsNameAreUniqueInAnAccountOnly() async throws {
        try await TestAPI.use { api in
            let body = #"{"name": "k", "public_key": "\#(TestAPI.key)"}"#
            #expect(try await api.call("POST", "/v1/ssh_keys", body).status == 201)
            let again = try await api.call("POST", "/v1/ssh_keys", body)
            #expect(again.status == 409 && again.code == "uniqueness_error")
            let other = try await api.call("POST", "/v1/ssh_keys", body.replacing(#""k""#, with: #""k2""#))
            #expect(other.status == 409 && other.code == "uniqueness_error")
            #expect(try await api.call("POST", "/v1/ssh_keys", body, token: api.stranger).status == 201)
        }
    }
}
