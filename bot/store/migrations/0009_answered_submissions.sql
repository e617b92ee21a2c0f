-- A submission is sent only if its presser saw it taken, and an interaction that is delivered twice is one submission.

ALTER TABLE submissions ADD COLUMN interaction_id INTEGER;     -- Discord's
ALTER TABLE submissions ADD COLUMN answered INTEGER NOT NULL DEFAULT 0 CHECK (answered IN (0, 1));
CREATE UNIQUE INDEX submissions_by_interaction ON submissions (interaction_id) WHERE interaction_id IS NOT NULL;

-- What an earlier version has queued was answered, unless it was killed in that moment.
UPDATE submissions SET answered = 1;
