package device

import (
	"database/sql"
	"strings"
	"testing"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// Guards against filters that read a whole workspace to fill a page: each that singles out devices has an index, which
// gives them in the order of the list unless they are few.
func TestFiltersHaveIndexes(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	d := &Devices{DB: db}
	one := func(v string) rpc.Opt[[]string] { return rpc.Opt[[]string]{Set: true, Value: []string{v}} }
	for name, tt := range map[string]struct {
		filter Filter
		index  string
		sorts  bool
	}{
		"nothing":            {Filter{}, "devices_order", false},
		"unmanaged":          {Filter{Unmanaged: true}, "devices_unmanaged", false},
		"device_ids":         {Filter{IDs: one("a")}, "sqlite_autoindex_devices_1", false},
		"connected account":  {Filter{AccountIDs: one("a")}, "devices_account", false},
		"device_type":        {Filter{Types: rpc.Opt[[]Type]{Set: true, Value: []Type{"august_lock"}}}, "devices_type", false},
		"manufacturer":       {Filter{Manufacturer: "august"}, "devices_manufacturer", false},
		"customer_key":       {Filter{CustomerKey: "c"}, "devices_customer", false},
		"search":             {Filter{Search: "front"}, "sqlite_autoindex_devices_1", true},
		"custom_metadata":    {Filter{CustomMetadataHas: map[string]any{"a": "b"}}, "sqlite_autoindex_devices_1", false},
		"search of metadata": {Filter{Search: "front", CustomMetadataHas: map[string]any{"a": "b"}}, "sqlite_autoindex_devices_1", true},
	} {
		w, err := d.where(t.Context(), "w", tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		order := " ORDER BY created_at, device_id LIMIT 21"
		if name == "custom_metadata" {
			order = " ORDER BY found_at, found_id LIMIT 21"
		}
		from, args := w.From("devices")
		rows, err := db.Query(t.Context(), "EXPLAIN QUERY PLAN SELECT doc"+from+order, args...)
		steps, err := store.All(rows, err, func(rows *sql.Rows) (step string, err error) {
			var a, b, c any
			err = rows.Scan(&a, &b, &c, &step)
			return step, err
		})
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(steps, "\n")
		if !strings.Contains(plan, "devices USING INDEX "+tt.index+" ") || strings.Contains(plan, "SCAN") ||
			strings.Contains(plan, "TEMP B-TREE FOR ORDER BY") != tt.sorts {
			t.Errorf("%s:\n%s", name, plan)
		}
	}
}
