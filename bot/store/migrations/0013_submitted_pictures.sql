-- A submission may come with pictures: a blend, or the picture to describe.

ALTER TABLE submissions ADD COLUMN dimensions TEXT CHECK (dimensions IN ('square', 'portrait', 'landscape'));
ALTER TABLE submissions ADD COLUMN expires_at REAL;            -- when the first link that is sent with it expires

CREATE TABLE submission_pictures (
    submission_id INTEGER NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL,
    link          TEXT    NOT NULL,
    content_type  TEXT    NOT NULL,
    content       BLOB,                                        -- where the provider takes bytes
    size          INTEGER NOT NULL,                            -- of the content
    PRIMARY KEY (submission_id, position)
) STRICT;

-- Pictures are needed for the request alone. A submission that was sent may be queued again, if it certainly was not
-- taken, and every other way out of these two states is final for them. A table `submissions` that is made anew needs
-- this trigger again.
CREATE TRIGGER submitted_pictures_used AFTER UPDATE OF state ON submissions
    WHEN NEW.state NOT IN ('queued', 'sent')
BEGIN
    DELETE FROM submission_pictures WHERE submission_id = NEW.id;
END;
