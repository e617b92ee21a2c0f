-- Members take turns in the queue of submissions; members are shut out, by a manager or after declined submissions.

ALTER TABLE submissions ADD COLUMN by_moderator INTEGER NOT NULL DEFAULT 0 CHECK (by_moderator IN (0, 1));
CREATE INDEX submissions_by_member_turn ON submissions (provider, guild_id, user_id, sent_at)
    WHERE sent_at IS NOT NULL;
CREATE INDEX submissions_by_server_turn ON submissions (provider, guild_id, sent_at) WHERE sent_at IS NOT NULL;

ALTER TABLE members ADD COLUMN name TEXT NOT NULL DEFAULT ''; -- the display name, where a manager looked
ALTER TABLE members ADD COLUMN shut_out TEXT CHECK (shut_out IN ('declined', 'manager')); -- bot.models.ShutOutReason
ALTER TABLE members ADD COLUMN shut_out_until REAL;            -- NULL: without an end
ALTER TABLE members ADD COLUMN declined_from REAL NOT NULL DEFAULT 0; -- declined submissions before it do not count

CREATE TABLE audit_entries ( -- who was shut out and let in again, for a server's managers
    id           INTEGER PRIMARY KEY,
    action       TEXT    NOT NULL CHECK (action IN ('declined', 'shut out', 'let in')), -- bot.models.AuditAction
    guild_id     INTEGER NOT NULL,
    user_id      INTEGER NOT NULL,
    user_name    TEXT    NOT NULL,
    manager_name TEXT    NOT NULL DEFAULT '',                  -- who did it, where it was not the bot
    until        REAL,                                         -- the end of a shut-out, if it has one
    created_at   REAL    NOT NULL,
    alert        TEXT    NOT NULL DEFAULT 'none' CHECK (alert IN ('none', 'due', 'open')) -- to the admin of the bot
) STRICT;
CREATE INDEX audit_entries_by_server ON audit_entries (guild_id, created_at);
CREATE INDEX audit_entries_by_member ON audit_entries (guild_id, user_id, created_at);
CREATE INDEX audit_entries_with_alert ON audit_entries (id) WHERE alert <> 'none';
