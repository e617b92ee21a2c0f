-- The words of the glossary: watches are subscriptions, presses are submissions, cards are status cards.

ALTER TABLE watches RENAME TO subscriptions;
ALTER TABLE subscriptions RENAME COLUMN asked_at TO created_at;
DROP INDEX watches_by_member;
DROP INDEX watches_by_channel;
CREATE INDEX subscriptions_by_member ON subscriptions (user_id, guild_id, id);
CREATE INDEX subscriptions_by_channel ON subscriptions (channel_id, id);

CREATE TABLE submissions (
    id                INTEGER PRIMARY KEY,
    reference         TEXT    NOT NULL UNIQUE,                 -- sent to the provider, which echoes it
    parent_id         INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    child_id          INTEGER REFERENCES jobs (id) ON DELETE SET NULL,
    button            TEXT    NOT NULL,
    tier              TEXT    NOT NULL DEFAULT 'vary' CHECK (tier IN ('pick', 'vary', 'upscale')),
    prompt            TEXT    NOT NULL DEFAULT '',
    guild_id          INTEGER NOT NULL,
    channel_id        INTEGER NOT NULL,
    user_id           INTEGER NOT NULL,
    user_name         TEXT    NOT NULL,
    state             TEXT    NOT NULL DEFAULT 'queued' CHECK (state IN
                      ('queued', 'sent', 'unconfirmed', 'accepted', 'repeated', 'declined', 'refused', 'lost',
                       'cancelled')),
    waits_for         INTEGER REFERENCES submissions (id) ON DELETE SET NULL, -- the open one of the same button
    error             TEXT    NOT NULL DEFAULT '',
    created_at        REAL    NOT NULL,
    sent_at           REAL,
    ended_at          REAL,
    notified          INTEGER NOT NULL DEFAULT 0 CHECK (notified IN (0, 1)), -- whether the presser knows how it ended
    interaction_token TEXT    NOT NULL DEFAULT ''              -- until the presser was notified
) STRICT;
INSERT INTO submissions (id, reference, parent_id, child_id, button, tier, prompt, guild_id, channel_id, user_id,
                         user_name, state, waits_for, error, created_at, sent_at, ended_at, notified,
                         interaction_token)
    SELECT id, ref, parent_id, child_id, button, tier, prompt, guild_id, channel_id, user_id, user_name,
           CASE state WHEN 'asked' THEN 'sent' WHEN 'unknown' THEN 'unconfirmed' WHEN 'made' THEN 'accepted'
                      WHEN 'used' THEN 'repeated' WHEN 'withdrawn' THEN 'cancelled' ELSE state END,
           behind, trouble, pressed_at, sent_at, ended_at, told, answer
    FROM presses;

CREATE TABLE new_deliveries (
    id              INTEGER PRIMARY KEY,
    kind            TEXT    NOT NULL CHECK (kind IN ('result', 'status_card', 'notice', 'split')),
    job_id          INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
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
    posted_at       REAL
) STRICT;
INSERT INTO new_deliveries (id, kind, job_id, submission_id, guild_id, channel_id, nonce, state, after_id, message_id,
                            attempts, timeouts, next_try, fallback, gone_since, error, revision, posted_revision,
                            picture_until, pinged, created_at, posted_at)
    SELECT id, iif(kind = 'card', 'status_card', kind), job_id, press_id, guild_id, channel_id, nonce, state, after_id,
           message_id, attempts, timeouts, next_try, shape, gone_since, trouble, wanted, shown, picture_until, pinged,
           created_at, posted_at
    FROM deliveries;
-- In this order: with foreign keys on, dropping a table deletes its rows and what refers to them.
DROP TABLE deliveries;
DROP TABLE presses;
ALTER TABLE new_deliveries RENAME TO deliveries;

CREATE INDEX submissions_open ON submissions (id) WHERE state IN ('queued', 'sent', 'unconfirmed');
CREATE INDEX submissions_to_notify ON submissions (id) WHERE notified = 0 AND ended_at IS NOT NULL;
CREATE INDEX submissions_by_parent ON submissions (parent_id, button);
CREATE INDEX submissions_by_child ON submissions (child_id);   -- for its foreign key, when jobs are deleted
CREATE INDEX submissions_by_server_and_time ON submissions (guild_id, created_at);
CREATE INDEX submissions_by_server ON submissions (guild_id, id);
CREATE INDEX submissions_waiting_for ON submissions (waits_for) WHERE waits_for IS NOT NULL;

CREATE INDEX deliveries_open ON deliveries (next_try) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_to_edit ON deliveries (next_try)
    WHERE state = 'posted' AND (revision > posted_revision OR picture_until IS NOT NULL);
CREATE INDEX deliveries_by_job ON deliveries (job_id, channel_id, kind);
CREATE INDEX deliveries_given_up ON deliveries (guild_id) WHERE state = 'undeliverable';
CREATE INDEX deliveries_by_submission ON deliveries (submission_id) WHERE submission_id IS NOT NULL;
CREATE INDEX deliveries_by_time ON deliveries (channel_id, posted_at) WHERE pinged = 1;
CREATE UNIQUE INDEX deliveries_one_status_card ON deliveries (job_id, channel_id) WHERE kind = 'status_card';
