PRAGMA application_id = 0x4461726B; -- "Dark": tells our file from another program's

CREATE TABLE facts ( -- single values, such as the hash of the synced commands
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    id         INTEGER PRIMARY KEY,
    key        TEXT    NOT NULL UNIQUE,                        -- the short name that people see
    jobid      TEXT    NOT NULL UNIQUE CHECK (length(jobid) BETWEEN 1 AND 200),
    status     TEXT    NOT NULL,
    over       INTEGER NOT NULL CHECK (over IN (0, 1)),
    answer     TEXT    NOT NULL,                               -- bot.jobs.Job as JSON
    added_at   REAL    NOT NULL,
    changed_at REAL    NOT NULL,                               -- when useapi last had news
    over_at    REAL
) STRICT;
CREATE INDEX jobs_running ON jobs (id) WHERE over = 0;

CREATE TABLE watches (
    id         INTEGER PRIMARY KEY,
    job_id     INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    guild_id   INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    user_id    INTEGER NOT NULL,
    user_name  TEXT    NOT NULL,
    asked_at   REAL    NOT NULL,
    stopped    INTEGER NOT NULL DEFAULT 0 CHECK (stopped IN (0, 1)),
    UNIQUE (job_id, channel_id, user_id)
) STRICT;
CREATE INDEX watches_by_member ON watches (user_id, guild_id, id);
CREATE INDEX watches_by_channel ON watches (channel_id, id);

-- The outbox: the duty to post one message, a result or the card before it, in one channel.
CREATE TABLE deliveries (
    id         INTEGER PRIMARY KEY,
    kind       TEXT    NOT NULL CHECK (kind IN ('result', 'card')),
    job_id     INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    guild_id   INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    nonce      TEXT    NOT NULL UNIQUE CHECK (length(nonce) = 24),
    state      TEXT    NOT NULL DEFAULT 'waiting'
               CHECK (state IN ('waiting', 'sending', 'posted', 'undeliverable', 'dropped')),
    after_id   INTEGER NOT NULL DEFAULT 0,                     -- a snowflake older than any message of this delivery
    message_id INTEGER,
    attempts   INTEGER NOT NULL DEFAULT 0,
    timeouts   INTEGER NOT NULL DEFAULT 0,
    next_try   REAL    NOT NULL,
    shape      INTEGER NOT NULL DEFAULT 0 CHECK (shape IN (0, 1, 2)), -- 0 whole, 1 without the file, 2 plain text
    gone_since REAL,
    trouble    TEXT    NOT NULL DEFAULT '',
    wanted     INTEGER NOT NULL DEFAULT 1,                     -- cards: how often what it should show has changed,
    shown      INTEGER NOT NULL DEFAULT 0,                     -- and which of these it shows
    created_at REAL    NOT NULL,
    posted_at  REAL
) STRICT;
CREATE INDEX deliveries_open ON deliveries (next_try) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_to_edit ON deliveries (next_try) WHERE kind = 'card' AND state = 'posted' AND wanted > shown;
CREATE INDEX deliveries_by_job ON deliveries (job_id, channel_id, kind);
CREATE INDEX deliveries_given_up ON deliveries (guild_id) WHERE state = 'undeliverable';
CREATE UNIQUE INDEX deliveries_one_card ON deliveries (job_id, channel_id) WHERE kind = 'card';

CREATE TABLE presses (
    id         INTEGER PRIMARY KEY,
    ref        TEXT    NOT NULL UNIQUE,                        -- sent to useapi as replyRef
    parent_id  INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    child_id   INTEGER REFERENCES jobs (id) ON DELETE SET NULL,
    button     TEXT    NOT NULL,
    guild_id   INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    user_id    INTEGER NOT NULL,
    user_name  TEXT    NOT NULL,
    state      TEXT    NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'made', 'refused', 'unknown')),
    trouble    TEXT    NOT NULL DEFAULT '',
    pressed_at REAL    NOT NULL
) STRICT;
CREATE INDEX presses_by_parent ON presses (parent_id);
CREATE INDEX presses_by_child ON presses (child_id); -- for its foreign key, when jobs are deleted
CREATE INDEX presses_asked ON presses (id) WHERE state = 'asked';
