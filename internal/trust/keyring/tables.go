package keyring

import (
	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "server_keys", Key: []string{"key_id"}, Kept: "until the key is retired"},
	}
}
