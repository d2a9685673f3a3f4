-- Access codes say in words for people where they are in their life.

-- +goose Up

UPDATE access_codes SET doc =
    REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(doc,
        '"status":"set"', '"status":"set","display_status":"Active"'),
        '"status":"setting"', '"status":"setting","display_status":"Issuing"'),
        '"status":"unset"', '"status":"unset","display_status":"Upcoming"'),
        '"status":"removing"', '"status":"removing","display_status":"Expired"'),
        '"status":"unknown"', '"status":"unknown","display_status":"Unknown"');
