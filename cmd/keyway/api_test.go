package main

import "testing"

// What is typed is sent with the type that the parameter has: a PIN of digits is no number, and an id of digits neither.
func TestAPIValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, arg, want string }{
		{"/access_codes/create", "code=5678", `{"code":"5678"}`},
		{"/access_codes/create", "name=true", `{"name":"true"}`},
		{"/access_codes/create", "starts_at=2027-01-01T10:00:00Z", `{"starts_at":"2027-01-01T10:00:00Z"}`},
		{"/devices/list", "limit=1", `{"limit":1}`},
		{"/devices/list", "device_ids=5", `{"device_ids":["5"]}`},
		{"/devices/list", `device_ids=["a","b"]`, `{"device_ids":["a","b"]}`},
		{"/not/known", "n=5", `{"n":5}`}, {"/not/known", "n=five", `{"n":"five"}`},
	} {
		types, err := parameterTypes(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := apiBody([]string{c.arg}, types); err != nil || string(got) != c.want {
			t.Errorf("%s %s: %s %v, want %s", c.path, c.arg, got, err, c.want)
		}
	}
}

func TestServerAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://localhost:8420": "http://localhost:8420", " https://keyway.example.com/\n": "https://keyway.example.com",
		"localhost:8420": "", "keyway.example.com": "", "": "", "ftp://x": "", "http://": "", "https://x?y=1": "",
	} {
		if got, err := serverAddress("--server", text); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
}
