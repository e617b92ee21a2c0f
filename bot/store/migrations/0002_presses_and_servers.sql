-- Presses wait in line, are looked for when an answer was lost, and are told of; two more kinds of messages; servers.

ALTER TABLE jobs ADD COLUMN parent_jobid TEXT NOT NULL DEFAULT '';
UPDATE jobs SET parent_jobid = coalesce(json_extract(answer, '$.parent_jobid'), '');
CREATE INDEX jobs_by_parent ON jobs (parent_jobid) WHERE parent_jobid <> '';

CREATE TABLE servers ( -- what a server's admins have chosen, and what the bot has learnt about it
    guild_id   INTEGER PRIMARY KEY,
    settings   TEXT    NOT NULL DEFAULT '{}',                  -- bot.jobs.ServerSettings as JSON
    file_limit INTEGER                                         -- bytes a file, as Discord last told
) STRICT;

CREATE TABLE members ( -- what members have chosen for themselves
    guild_id INTEGER NOT NULL,
    user_id  INTEGER NOT NULL,
    pings    INTEGER NOT NULL DEFAULT 1 CHECK (pings IN (0, 1)),
    PRIMARY KEY (guild_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE new_presses (
    id         INTEGER PRIMARY KEY,
    ref        TEXT    NOT NULL UNIQUE,                        -- sent to useapi as replyRef
    parent_id  INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    child_id   INTEGER REFERENCES jobs (id) ON DELETE SET NULL,
    button     TEXT    NOT NULL,
    tier       TEXT    NOT NULL DEFAULT 'vary' CHECK (tier IN ('pick', 'vary', 'upscale')),
    prompt     TEXT    NOT NULL DEFAULT '',
    guild_id   INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    user_id    INTEGER NOT NULL,
    user_name  TEXT    NOT NULL,
    state      TEXT    NOT NULL DEFAULT 'queued' CHECK (state IN
               ('queued', 'asked', 'unknown', 'made', 'used', 'declined', 'refused', 'lost', 'withdrawn')),
    behind     INTEGER REFERENCES new_presses (id) ON DELETE SET NULL, -- the press of the same button that it waits for
    trouble    TEXT    NOT NULL DEFAULT '',
    pressed_at REAL    NOT NULL,
    sent_at    REAL,
    ended_at   REAL,
    told       INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)), -- whether the presser knows how it ended
    answer     TEXT    NOT NULL DEFAULT ''                     -- the interaction's token, until the presser was told
) STRICT;
INSERT INTO new_presses (id, ref, parent_id, child_id, button, tier, guild_id, channel_id, user_id, user_name, state,
                         trouble, pressed_at, sent_at, ended_at, told)
    SELECT id, ref, parent_id, child_id, button,
           CASE WHEN button GLOB 'U[1-4]' THEN 'pick'
                WHEN button GLOB '*Upscale*' OR button GLOB 'Animate*' OR button GLOB 'Extend*' THEN 'upscale'
                ELSE 'vary' END,
           guild_id, channel_id, user_id, user_name, iif(state = 'unknown', 'lost', state), trouble, pressed_at,
           pressed_at, iif(state = 'asked', NULL, pressed_at), state <> 'asked'
    FROM presses;
DROP TABLE presses;
ALTER TABLE new_presses RENAME TO presses;
CREATE INDEX presses_open ON presses (id) WHERE state IN ('queued', 'asked', 'unknown');
CREATE INDEX presses_untold ON presses (id) WHERE told = 0 AND ended_at IS NOT NULL;
CREATE INDEX presses_by_parent ON presses (parent_id, button);
CREATE INDEX presses_by_child ON presses (child_id);           -- for its foreign key, when jobs are deleted
CREATE INDEX presses_by_server ON presses (guild_id, pressed_at);
CREATE INDEX presses_of_server ON presses (guild_id, id);
CREATE INDEX presses_behind ON presses (behind) WHERE behind IS NOT NULL;

CREATE TABLE new_deliveries (
    id            INTEGER PRIMARY KEY,
    kind          TEXT    NOT NULL CHECK (kind IN ('result', 'card', 'notice', 'split')),
    job_id        INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    press_id      INTEGER REFERENCES presses (id) ON DELETE CASCADE, -- what a notice is about
    guild_id      INTEGER NOT NULL,
    channel_id    INTEGER NOT NULL,
    nonce         TEXT    NOT NULL UNIQUE CHECK (length(nonce) = 24),
    state         TEXT    NOT NULL DEFAULT 'waiting'
                  CHECK (state IN ('waiting', 'sending', 'posted', 'undeliverable', 'dropped')),
    after_id      INTEGER NOT NULL DEFAULT 0,                  -- a snowflake older than any message of this delivery
    message_id    INTEGER,
    attempts      INTEGER NOT NULL DEFAULT 0,
    timeouts      INTEGER NOT NULL DEFAULT 0,
    next_try      REAL    NOT NULL,
    shape         INTEGER NOT NULL DEFAULT 0 CHECK (shape IN (0, 1, 2)), -- 0 whole, 1 without the file, 2 plain text
    gone_since    REAL,
    trouble       TEXT    NOT NULL DEFAULT '',
    wanted        INTEGER NOT NULL DEFAULT 1,                  -- how often what it should show has changed,
    shown         INTEGER NOT NULL DEFAULT 0,                  -- and which of these it shows
    picture_until REAL,                                        -- posted without its picture, which is tried until then
    pinged        INTEGER NOT NULL DEFAULT 0 CHECK (pinged IN (0, 1)), -- whether it rang for anybody
    created_at    REAL    NOT NULL,
    posted_at     REAL
) STRICT;
INSERT INTO new_deliveries (id, kind, job_id, guild_id, channel_id, nonce, state, after_id, message_id, attempts,
                            timeouts, next_try, shape, gone_since, trouble, wanted, shown, created_at, posted_at)
    SELECT id, kind, job_id, guild_id, channel_id, nonce, state, after_id, message_id, attempts, timeouts, next_try,
           shape, gone_since, trouble, wanted, iif(kind = 'result' AND state = 'posted', wanted, shown), created_at,
           posted_at
    FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE new_deliveries RENAME TO deliveries;
CREATE INDEX deliveries_open ON deliveries (next_try) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_to_edit ON deliveries (next_try)
    WHERE state = 'posted' AND (wanted > shown OR picture_until IS NOT NULL);
CREATE INDEX deliveries_by_job ON deliveries (job_id, channel_id, kind);
CREATE INDEX deliveries_given_up ON deliveries (guild_id) WHERE state = 'undeliverable';
CREATE INDEX deliveries_by_press ON deliveries (press_id) WHERE press_id IS NOT NULL;
CREATE INDEX deliveries_by_time ON deliveries (channel_id, posted_at) WHERE pinged = 1;
CREATE UNIQUE INDEX deliveries_one_card ON deliveries (job_id, channel_id) WHERE kind = 'card';
