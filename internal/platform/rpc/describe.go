package rpc

// Parameter describes one parameter of an endpoint, for the readable reference.
type Parameter struct {
	Name     string
	Type     string // "string", "array of string", …
	Required bool
	Enum     []string
	Doc      string
}

// Parameters describes the endpoint's input, nested parameters with dots.
func (e *Endpoint) Parameters() []Parameter { return e.Handle.in.describe("") }

// Methods lists the verbs that the endpoint answers to.
func (e *Endpoint) Methods() []string { return e.methods() }

func (s *schema) describe(prefix string) []Parameter {
	var out []Parameter
	for _, f := range s.fields {
		p := Parameter{Name: prefix + f.name, Type: f.schema.typeName(), Required: f.required, Enum: f.schema.enum, Doc: f.doc}
		if f.schema.kind == arrayKind {
			p.Enum = f.schema.elem.enum
		}
		out = append(out, p)
		if f.schema.kind == objectKind {
			out = append(out, f.schema.describe(p.Name+".")...)
		}
	}
	return out
}

func (s *schema) typeName() string {
	name := kindNames[s.kind]
	switch s.kind {
	case timeKind:
		name = "date-time"
	case arrayKind:
		name = "array of " + s.elem.typeName()
	}
	if s.null {
		name += " or null"
	}
	return name
}
