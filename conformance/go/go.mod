module keyway/conformance/go

go 1.26

require github.com/seamapi/go v0.2.0
