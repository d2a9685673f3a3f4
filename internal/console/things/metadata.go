package things

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"keyway/internal/api/device"
	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
)

// emptyRows is how many rows of the metadata dialog are free for new keys.
const emptyRows = 3

// MetadataForm is the dialog that edits a device's custom metadata.
type MetadataForm struct {
	Open   bool
	Action string
	Rows   []MetadataRow
	Errors frame.FormErrors
}

// MetadataRow is one key with its value. What was shown determines what a person changed, so that nothing else is written back.
type MetadataRow struct {
	Key, Value           string
	ShownKey, ShownValue string
	Error                string
}

// metadataRows are the rows of the metadata that a device has, by key.
func metadataRows(metadata map[string]any) (rows []MetadataRow) {
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		value, isText := metadata[key].(string)
		if is, ok := metadata[key].(bool); ok {
			value = strconv.FormatBool(is)
		} else if !isText {
			continue
		}
		rows = append(rows, MetadataRow{Key: key, Value: value, ShownKey: key, ShownValue: value})
	}
	return rows
}

// readMetadata reads the rows as they were sent.
func (q *request) readMetadata() ([]MetadataRow, error) {
	form := q.R.PostForm
	keys, values, shownKeys, shownValues := form["key"], form["value"], form["shown_key"], form["shown_value"]
	if len(keys) != len(values) || len(keys) != len(shownKeys) || len(keys) != len(shownValues) {
		return nil, fault.Invalid("key", "The form is not complete")
	}
	rows := make([]MetadataRow, len(keys))
	for i := range keys {
		rows[i] = MetadataRow{Key: strings.TrimSpace(keys[i]), Value: strings.TrimSpace(values[i]), ShownKey: shownKeys[i],
			ShownValue: shownValues[i]}
	}
	return rows, nil
}

// metadataChanges is what a person changed in the rows; a row that cannot be read has its error, and ok is false.
func metadataChanges(rows []MetadataRow) (changes map[string]any, ok bool) {
	changes, ok = map[string]any{}, true
	seen := map[string]bool{}
	for i := range rows {
		r := &rows[i]
		if r.ShownKey != "" && r.Key != r.ShownKey && !seen[r.ShownKey] {
			changes[r.ShownKey] = nil
		}
		switch {
		case r.Key == "" && r.Value == "":
			continue
		case r.Key == "" && r.ShownKey == "":
			r.Error, ok = "Enter a name for this value.", false
		case seen[r.Key]:
			r.Error, ok = "This name is used twice.", false
		}
		if seen[r.Key] = true; r.Key == "" || r.Key == r.ShownKey && r.Value == r.ShownValue {
			continue
		}
		switch r.Value {
		case "":
			changes[r.Key] = nil
		case "true", "false":
			changes[r.Key] = r.Value == "true"
		default:
			changes[r.Key] = r.Value
		}
	}
	return changes, ok
}

func (q *request) editMetadata() error {
	rows, err := q.readMetadata()
	if err != nil {
		return err
	}
	changes, ok := metadataChanges(rows)
	form := metadataErrors(rows, nil)
	if ok && len(changes) > 0 {
		err = q.Devices.Change(q.Context(), q.Current.ID, q.R.PathValue("device"), device.Update{CustomMetadataChanges: changes})
		var refused *fault.Error
		if errors.As(err, &refused) && refused.Code == fault.InvalidInput {
			form, ok = metadataErrors(rows, refused.Issues), false
		} else if err != nil {
			return err
		}
	}
	if ok {
		return q.Done(q.devicePath(), "Metadata saved.")
	}
	v, err := q.deviceView()
	if err != nil {
		return err
	}
	v.Metadata.Open, v.Metadata.Rows, v.Metadata.Errors, v.Location = true, rows, form, q.devicePath()
	return q.Show(v)
}

// metadataErrors puts what the rules refuse beside the rows that it is about; the rest is about the form as a whole.
func metadataErrors(rows []MetadataRow, issues []fault.Issue) frame.FormErrors {
	errs := frame.FormErrors{}
	for _, issue := range issues {
		i := -1
		if len(issue.Path) == 2 {
			i = slices.IndexFunc(rows, func(r MetadataRow) bool { return r.Key == issue.Path[1] })
		}
		if i >= 0 {
			rows[i].Error = frame.Plainly(issue.Message)
		} else {
			errs[""] = frame.Plainly(issue.Message)
		}
	}
	return errs
}

func (q *request) deleteDevice() error {
	h, _, err := q.deviceHead("overview")
	if err != nil {
		return err
	}
	if err := q.Devices.Delete(q.Context(), q.Current.ID, h.Device.ID); err != nil {
		return err
	}
	return q.Done(h.BackURL, "%s was deleted.", h.Device.Name)
}
