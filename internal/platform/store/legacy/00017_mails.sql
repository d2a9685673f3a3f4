-- What is to be mailed. A mail is taken away when the SMTP server has it.

-- +goose Up
CREATE TABLE mails (
    mail_id    TEXT   NOT NULL PRIMARY KEY,    -- with the sender's domain, its Message-ID
    kind       TEXT   NOT NULL,                -- the template that it was made from
    sealed     BYTEA  NOT NULL,                -- to whom, subject and text: a link in it may let somebody in
    attempts   BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL                 -- when it is given up
);
CREATE INDEX mails_next ON mails (next_at);
