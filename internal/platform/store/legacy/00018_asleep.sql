-- Which codes a visit to a lock need not look at: most are for stays that are far away.

-- +goose Up

-- Until when, by its workspace's clock, nothing is to be done for a code; NULL: it is looked at whenever
-- its lock is. asleep_in is a digest of what surrounded it then: when that changes, it is looked at too.
-- Both are in the index, so that nothing else of such a code is read.
ALTER TABLE access_codes ADD COLUMN asleep_until BIGINT;
ALTER TABLE access_codes ADD COLUMN asleep_in BIGINT;
DROP INDEX access_codes_device;
CREATE INDEX access_codes_device ON access_codes (workspace_id, device_id, created_at, access_code_id, is_spare, prints, asleep_until, asleep_in);
