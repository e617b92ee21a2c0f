-- How long jobs took that were followed here, the newest 200 of each kind and mode: cards say what is usual.

CREATE TABLE durations (
    id      INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,                                     -- bot.paces.kind_of
    mode    TEXT NOT NULL,                                     -- fast, relaxed, turbo; '' where it was not told
    seconds REAL NOT NULL
) STRICT;
CREATE INDEX durations_by_kind ON durations (kind, mode, id);
