package personalaccesstoken

import (
	"context"
	"net/netip"
	"time"

	"keyway/internal/trust/credential"
)

// Find gives the tokens of all people that a choice means and that are not revoked, newest first.
func (t *Tokens) Find(ctx context.Context, b Bulk) ([]Token, error) {
	if err := t.Usage.Flush(ctx); err != nil { // so that the rows contain all uses until now
		return nil, err
	}
	chosen, err := t.chosen(ctx, t.DB, b)
	if err != nil {
		return nil, err
	}
	return t.servedAll(ctx, chosen, false)
}

// RefusedBy gives the live tokens that a policy would refuse now, and how many live ones there are: in
// a workspace those that open it, without one all. A network is judged by where a token was used last.
func (t *Tokens) RefusedBy(ctx context.Context, workspaceID string, p credential.Policy) (refused []Token, of int, err error) {
	var all []Token
	if workspaceID == "" {
		all, err = t.Find(ctx, Bulk{})
	} else {
		all, _, err = t.opening(ctx, workspaceID)
	}
	if err != nil {
		return nil, 0, err
	}
	breaks := map[string]bool{}
	parent := map[string]*string{}
	for _, tok := range all {
		breaks[tok.ID], parent[tok.ID] = t.breaks(p, tok), tok.ParentID
	}
	for _, tok := range all {
		if tok.Status != Active && tok.Status != NotYetValid || tok.IsDecoy {
			continue
		}
		of++
		for id := &tok.ID; id != nil; id = parent[*id] {
			if breaks[*id] {
				refused = append(refused, tok)
				break
			}
		}
	}
	return refused, of, nil
}

func (t *Tokens) breaks(p credential.Policy, tok Token) bool {
	if p.Admit(tok.CreatedAt.Time, tok.ExpiresAt.Time, tok.Scopes) != nil {
		return true
	}
	used := tok.CreatedAt.Time
	if tok.LastUsed != nil {
		used = tok.LastUsed.At.Time
	}
	if p.InactiveDays != nil && t.Now().Sub(used) > time.Duration(*p.InactiveDays)*24*time.Hour {
		return true
	}
	if len(p.AllowedCIDRs) == 0 || tok.LastUsed == nil {
		return false
	}
	from, err := netip.ParseAddr(tok.LastUsed.Address)
	return err == nil && !credential.NetworkWithin(netip.PrefixFrom(from.Unmap(), from.Unmap().BitLen()).String(), p.AllowedCIDRs)
}
