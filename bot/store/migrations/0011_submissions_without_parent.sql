-- A submission may be a prompt alone: it has no parent, and a notice about it no job.

CREATE TABLE new_submissions (
    id                INTEGER PRIMARY KEY,
    reference         TEXT    NOT NULL UNIQUE,                 -- sent to the provider, which echoes it
    provider          TEXT    NOT NULL DEFAULT 'useapi',       -- to which it is sent
    kind              TEXT    NOT NULL DEFAULT 'button',       -- bot.models.SubmissionKind
    parent_id         INTEGER REFERENCES jobs (id) ON DELETE CASCADE,
    child_id          INTEGER REFERENCES jobs (id) ON DELETE SET NULL,
    button            TEXT    NOT NULL DEFAULT '',             -- of the parent
    tier              TEXT    NOT NULL DEFAULT 'vary' CHECK (tier IN ('pick', 'vary', 'upscale')),
    prompt            TEXT    NOT NULL DEFAULT '',
    guild_id          INTEGER NOT NULL,
    channel_id        INTEGER NOT NULL,
    user_id           INTEGER NOT NULL,
    user_name         TEXT    NOT NULL,
    state             TEXT    NOT NULL DEFAULT 'queued' CHECK (state IN
                      ('queued', 'sent', 'unconfirmed', 'accepted', 'repeated', 'declined', 'refused', 'lost',
                       'cancelled')),
    waits_for         INTEGER REFERENCES new_submissions (id) ON DELETE SET NULL, -- the open one of the same button
    error             TEXT    NOT NULL DEFAULT '',
    created_at        REAL    NOT NULL,
    sent_at           REAL,
    ended_at          REAL,
    answered          INTEGER NOT NULL DEFAULT 0 CHECK (answered IN (0, 1)),
    notified          INTEGER NOT NULL DEFAULT 0 CHECK (notified IN (0, 1)), -- whether the presser knows how it ended
    interaction_id    INTEGER,                                 -- Discord's
    interaction_token TEXT    NOT NULL DEFAULT '',             -- until the presser was notified
    CHECK ((kind = 'button') = (parent_id IS NOT NULL) AND (kind = 'button') = (button <> ''))
) STRICT;
INSERT INTO new_submissions (id, reference, provider, parent_id, child_id, button, tier, prompt, guild_id, channel_id,
                             user_id, user_name, state, waits_for, error, created_at, sent_at, ended_at, answered,
                             notified, interaction_id, interaction_token)
    SELECT id, reference, provider, parent_id, child_id, button, tier, prompt, guild_id, channel_id, user_id, user_name,
           state, waits_for, error, created_at, sent_at, ended_at, answered, notified, interaction_id, interaction_token
    FROM submissions;

CREATE TABLE new_deliveries (
    id              INTEGER PRIMARY KEY,
    kind            TEXT    NOT NULL CHECK (kind IN ('result', 'status_card', 'notice', 'split')),
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
DROP TABLE submissions;
ALTER TABLE new_submissions RENAME TO submissions;
ALTER TABLE new_deliveries RENAME TO deliveries;

CREATE INDEX submissions_open ON submissions (id) WHERE state IN ('queued', 'sent', 'unconfirmed');
CREATE INDEX submissions_to_notify ON submissions (id) WHERE notified = 0 AND ended_at IS NOT NULL;
CREATE INDEX submissions_lost ON submissions (sent_at) WHERE state = 'lost';
CREATE INDEX submissions_by_parent ON submissions (parent_id, button);
CREATE INDEX submissions_by_child ON submissions (child_id);   -- for its foreign key, when jobs are deleted
CREATE INDEX submissions_by_server ON submissions (guild_id, id);
CREATE INDEX submissions_by_server_and_time ON submissions (guild_id, created_at);
CREATE INDEX submissions_by_member_and_time ON submissions (user_id, created_at);
CREATE INDEX submissions_waiting_for ON submissions (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX submissions_without_job ON submissions (created_at) WHERE parent_id IS NULL AND child_id IS NULL;
CREATE UNIQUE INDEX submissions_by_interaction ON submissions (interaction_id) WHERE interaction_id IS NOT NULL;

CREATE INDEX deliveries_open ON deliveries (next_try) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_to_edit ON deliveries (next_try)
    WHERE state = 'posted' AND (revision > posted_revision OR picture_until IS NOT NULL);
CREATE INDEX deliveries_by_job ON deliveries (job_id, channel_id, kind);
CREATE INDEX deliveries_given_up ON deliveries (guild_id) WHERE state = 'undeliverable';
CREATE INDEX deliveries_by_submission ON deliveries (submission_id) WHERE submission_id IS NOT NULL;
CREATE INDEX deliveries_by_time ON deliveries (channel_id, posted_at) WHERE pinged = 1;
CREATE UNIQUE INDEX deliveries_one_status_card ON deliveries (job_id, channel_id) WHERE kind = 'status_card';
