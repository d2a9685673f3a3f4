package mail

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "mails", Key: []string{"mail_id"}, Kept: "until it is sent or given up"},
	}
}
