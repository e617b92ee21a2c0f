-- Members have what is kept about them deleted; a server that removed the bot is deleted after a while.

CREATE TABLE forget_requests ( -- of members, until all that is kept about them is deleted
    user_id      INTEGER PRIMARY KEY,
    requested_at REAL    NOT NULL                              -- what came later is not meant
) STRICT;
CREATE INDEX members_by_user ON members (user_id);
CREATE INDEX audit_entries_by_user ON audit_entries (user_id, id);

CREATE TABLE left_servers ( -- that removed the bot
    guild_id INTEGER PRIMARY KEY,
    noted_at REAL    NOT NULL
) STRICT;
