module keyway/conformance/go

go 1.26

require (
	github.com/seamapi/go v0.2.0
	github.com/svix/svix-webhooks v1.30.0
)

require (
	github.com/golang/protobuf v1.5.0 // indirect
	golang.org/x/net v0.23.0 // indirect
	golang.org/x/oauth2 v0.0.0-20210514164344-f6687ab2804c // indirect
	google.golang.org/appengine v1.6.6 // indirect
	google.golang.org/protobuf v1.33.0 // indirect
)
