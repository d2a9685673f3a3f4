package device

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// A write changes little of a device, and the rest of its document (most of it properties that
// pass through) is neither parsed nor written anew: that would cost more than all else in the
// write together.

// object is a JSON object taken apart. Its values stand as they were stored.
type object []member

type member struct {
	name  []byte // between its quotes, as it is written
	value json.RawMessage
}

// takeApart reads an object as encoding/json writes it: valid, and without white space.
func takeApart(doc []byte) object {
	o := make(object, 0, 48)
	for i := 1; i < len(doc) && doc[i] == '"'; i++ {
		colon := skip(doc, i)
		end := skip(doc, colon+1)
		o = append(o, member{doc[i+1 : colon-1], doc[colon+1 : end : end]})
		i = end // the comma, or the end
	}
	return o
}

// skip gives where the value that begins at i ends.
func skip(doc []byte, i int) int {
	for depth := 0; i < len(doc); i++ {
		switch doc[i] {
		case '"':
			if i = closing(doc, i+1); depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + 1 + depth // a bracket of ours, or of what the value is in
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// closing gives where the string that begins at i has its closing quote.
func closing(doc []byte, i int) int {
	for {
		quote := i + bytes.IndexByte(doc[i:], '"')
		if quote < i {
			return len(doc) // cannot be: the document is valid
		}
		escape := bytes.IndexByte(doc[i:quote], '\\')
		if escape < 0 {
			return quote
		}
		i += escape + 2
	}
}

func (o object) value(name string) json.RawMessage {
	for _, m := range o {
		if string(m.name) == name {
			return m.value
		}
	}
	return nil
}

// read parses a value; one that is not there leaves v as it is.
func (o object) read(name string, v any) error {
	if text := o.value(name); text != nil {
		return json.Unmarshal(text, v)
	}
	return nil
}

// text parses a string.
func (o object) text(name string, s *string) error {
	text := o.value(name)
	if len(text) >= 2 && text[0] == '"' && bytes.IndexByte(text, '\\') < 0 {
		*s = string(text[1 : len(text)-1])
		return nil
	}
	return o.read(name, s)
}

// write replaces a value, or adds it at the end.
func (o *object) write(name string, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		o.set(name, text)
	}
	return err
}

func (o *object) set(name string, text json.RawMessage) {
	for i, m := range *o {
		if string(m.name) == name {
			(*o)[i].value = text
			return
		}
	}
	*o = append(*o, member{[]byte(name), text})
}

func (o *object) remove(name string) {
	*o = slices.DeleteFunc(*o, func(m member) bool { return string(m.name) == name })
}

// join writes the object.
func (o object) join() []byte {
	size := 2
	for _, m := range o {
		size += len(m.name) + len(m.value) + 4
	}
	out := append(make([]byte, 0, size), '{')
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(append(out, '"'), m.name...), `":`...), m.value...)
	}
	return append(out, '}')
}

// partly reads from a stored document what the rules of a change look at; the rest stays in the
// two objects.
func partly(doc []byte) (dev Device, all, properties object, err error) {
	all = takeApart(doc)
	properties = takeApart(all.value("properties"))
	dev.Properties = Properties{}
	for _, name := range []string{"appearance", "name", "supports_backup_access_code_pool", "backup_access_code_pool_enabled"} {
		if v := properties.value(name); v != nil {
			dev.Properties[name] = v
		}
	}
	err = errors.Join(all.text("device_id", &dev.ID), all.text("workspace_id", &dev.WorkspaceID), all.text("connected_account_id", &dev.ConnectedAccountID),
		all.text("customer_key", &dev.CustomerKey), all.text("display_name", &dev.DisplayName), all.text("nickname", &dev.Nickname),
		all.read("is_managed", &dev.IsManaged), all.read("custom_metadata", &dev.CustomMetadata))
	if maker := all.value("device_manufacturer"); maker != nil {
		dev.Manufacturer = &Maker{}
		err = errors.Join(err, takeApart(maker).text("display_name", &dev.Manufacturer.DisplayName))
	}
	if place := all.value("location"); place != nil {
		dev.Location = &Location{}
		err = errors.Join(err, takeApart(place).text("location_name", &dev.Location.Name))
	}
	return dev, all, properties, err
}

// patched is the stored document of a device that was read partly and changed.
func (d *Device) patched(all, properties object) ([]byte, error) {
	var errs []error
	for name, v := range d.Properties {
		properties.set(name, v)
	}
	if d.Nickname == "" {
		all.remove("nickname")
	} else {
		errs = append(errs, all.write("nickname", d.Nickname))
	}
	errs = append(errs, all.write("display_name", d.DisplayName), all.write("is_managed", d.IsManaged), all.write("custom_metadata", d.CustomMetadata))
	all.set("properties", properties.join())
	return all.join(), errors.Join(errs...)
}
