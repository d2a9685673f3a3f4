package workspace

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"net/url"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
)

// Logo is the picture that a workspace shows in its Connect Webviews. Without data there is none.
type Logo struct {
	Type string // image/png or image/jpeg
	Data []byte
}

// LogoPath is where logos are served to everyone: customers who connect an account see them.
const LogoPath = "/connect_webviews/logo"

// MostLogo is how many bytes a logo may have; mostLogoSide bounds what it takes to decode one.
const (
	MostLogo     = 256 << 10
	mostLogoSide = 1024 // pixels
)

// ReadLogo takes a picture only if it is a PNG or a JPEG, and nothing of the file but its pixels. It
// returns invalid_input for logo.
func ReadLogo(file []byte) (Logo, error) {
	if len(file) > MostLogo {
		return Logo{}, fault.Invalid("logo", "The picture is larger than 256 KB")
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || format != "png" && format != "jpeg" {
		return Logo{}, fault.Invalid("logo", "Choose a PNG or a JPEG picture")
	}
	if size.Width > mostLogoSide || size.Height > mostLogoSide {
		return Logo{}, fault.Invalid("logo", "The picture has more than 1024 pixels on a side")
	}
	picture, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return Logo{}, fault.Invalid("logo", "The picture is damaged")
	}
	var b bytes.Buffer
	if format == "jpeg" {
		err = jpeg.Encode(&b, picture, &jpeg.Options{Quality: 90})
	} else {
		err = png.Encode(&b, picture)
	}
	return Logo{"image/" + format, b.Bytes()}, err
}

// setLogo writes a workspace's logo, or takes it away, and gives the address that it is served at.
func (w *Workspaces) setLogo(ctx context.Context, tx *store.Tx, id string, l Logo) (string, error) {
	if len(l.Data) == 0 {
		_, err := tx.Exec(ctx, `DELETE FROM workspace_logos WHERE workspace_id = $1`, id)
		return "", err
	}
	_, err := tx.Exec(ctx, `INSERT INTO workspace_logos (workspace_id, type, data) VALUES ($1, $2, $3)
		ON CONFLICT (workspace_id) DO UPDATE SET type = excluded.type, data = excluded.data`, id, l.Type, l.Data)
	sum := sha256.Sum256(l.Data)
	return w.PublicURL + LogoPath + "?" + url.Values{"workspace_id": {id}, "v": {base64.RawURLEncoding.EncodeToString(sum[:9])}}.Encode(), err
}

// Logo reads a workspace's logo; workspace_not_found when it has none.
func (w *Workspaces) Logo(ctx context.Context, id string) (l Logo, err error) {
	err = w.DB.QueryRow(ctx, `SELECT l.type, l.data FROM workspace_logos l JOIN workspaces w ON w.workspace_id = l.workspace_id
		WHERE l.workspace_id = $1 AND w.deleted_at IS NULL`, id).Scan(&l.Type, &l.Data)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing(fault.WorkspaceNotFound)
	}
	return l, err
}
