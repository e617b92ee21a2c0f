-- What a server's admins choose for prompts: presets and a word list; and a member's own prompts, to offer them again.

CREATE TABLE presets ( -- of the option "style" of /imagine
    id       INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    suffix   TEXT    NOT NULL                                  -- words and parameters that are added to a prompt
) STRICT;
CREATE UNIQUE INDEX presets_by_name ON presets (guild_id, name);

ALTER TABLE servers ADD COLUMN words TEXT NOT NULL DEFAULT '[]'; -- that no prompt may contain, as JSON

CREATE INDEX submissions_prompts ON submissions (user_id, guild_id, id) WHERE kind = 'imagine';
