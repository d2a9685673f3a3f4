-- Tokens are found by their digest, which nobody can steer: so a search takes as long for a token that
-- nobody has as for a wrong secret behind a visible part that somebody has.

-- +goose Up
CREATE INDEX credentials_digest ON credentials (digest);
