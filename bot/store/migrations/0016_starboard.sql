-- Members star pictures; those with enough stars are posted in the server's starboard, by a delivery of its own kind.

CREATE TABLE stars (
    job_id   INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    guild_id INTEGER NOT NULL,
    user_id  INTEGER NOT NULL,
    PRIMARY KEY (job_id, guild_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX stars_by_member ON stars (user_id, guild_id);

CREATE TABLE new_deliveries (
    id              INTEGER PRIMARY KEY,
    kind            TEXT    NOT NULL CHECK (kind IN ('result', 'status_card', 'notice', 'split', 'starboard_post')),
    job_id          INTEGER REFERENCES jobs (id) ON DELETE CASCADE,
    submission_id   INTEGER REFERENCES submissions (id) ON DELETE CASCADE, -- what a notice is about
    guild_id        INTEGER NOT NULL,
    channel_id      INTEGER NOT NULL,
    nonce           TEXT    NOT NULL UNIQUE CHECK (length(nonce) = 24),
    state           TEXT    NOT NULL DEFAULT 'waiting'
                    CHECK (state IN ('waiting', 'sending', 'posted', 'undeliverable', 'dropped')),
    after_id        INTEGER NOT NULL DEFAULT 0,                -- a snowflake older than any message of this delivery
    message_id      INTEGER,
    attempts        INTEGER NOT NULL DEFAULT 0,
    timeouts        INTEGER NOT NULL DEFAULT 0,
    next_try        REAL    NOT NULL,
    fallback        INTEGER NOT NULL DEFAULT 0 CHECK (fallback IN (0, 1, 2)), -- 0 none, 1 no file, 2 plain text
    gone_since      REAL,
    error           TEXT    NOT NULL DEFAULT '',
    revision        INTEGER NOT NULL DEFAULT 1,                -- how often what the post should show has changed,
    posted_revision INTEGER NOT NULL DEFAULT 0,                -- and which of these it shows
    picture_until   REAL,                                      -- posted without its picture, which is tried until then
    pinged          INTEGER NOT NULL DEFAULT 0 CHECK (pinged IN (0, 1)), -- whether it mentioned anybody
    created_at      REAL    NOT NULL,
    posted_at       REAL,
    CHECK (job_id IS NOT NULL OR (kind = 'notice' AND submission_id IS NOT NULL))
) STRICT;
INSERT INTO new_deliveries (id, kind, job_id, submission_id, guild_id, channel_id, nonce, state, after_id, message_id,
                            attempts, timeouts, next_try, fallback, gone_since, error, revision, posted_revision,
                            picture_until, pinged, created_at, posted_at)
    SELECT id, kind, job_id, submission_id, guild_id, channel_id, nonce, state, after_id, message_id, attempts,
           timeouts, next_try, fallback, gone_since, error, revision, posted_revision, picture_until, pinged,
           created_at, posted_at
    FROM deliveries;

-- Migrations run without foreign keys, see bot.store.connection: no row that refers to a dropped table is deleted.
DROP TABLE deliveries;
ALTER TABLE new_deliveries RENAME TO deliveries;

CREATE INDEX deliveries_open ON deliveries (next_try) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_to_edit ON deliveries (next_try)
    WHERE state = 'posted' AND (revision > posted_revision OR picture_until IS NOT NULL);
CREATE INDEX deliveries_by_job ON deliveries (job_id, channel_id, kind);
CREATE INDEX deliveries_given_up ON deliveries (guild_id) WHERE state = 'undeliverable';
CREATE INDEX deliveries_by_submission ON deliveries (submission_id) WHERE submission_id IS NOT NULL;
CREATE INDEX deliveries_by_time ON deliveries (channel_id, posted_at) WHERE pinged = 1;
CREATE UNIQUE INDEX deliveries_one_status_card ON deliveries (job_id, channel_id) WHERE kind = 'status_card';
CREATE UNIQUE INDEX deliveries_one_starboard_post ON deliveries (job_id, channel_id) WHERE kind = 'starboard_post';
