-- Job ids are unique per provider: rows of before are of useapi.

CREATE TABLE new_jobs (
    id           INTEGER PRIMARY KEY,
    provider     TEXT    NOT NULL DEFAULT 'useapi',            -- bot.models.provider.ProviderName
    key          TEXT    NOT NULL UNIQUE,                      -- the short name that people see
    jobid        TEXT    NOT NULL CHECK (length(jobid) BETWEEN 1 AND 200),
    parent_jobid TEXT    NOT NULL DEFAULT '',
    status       TEXT    NOT NULL,
    over         INTEGER NOT NULL CHECK (over IN (0, 1)),
    answer       TEXT    NOT NULL,                             -- bot.models.Job as JSON
    added_at     REAL    NOT NULL,
    changed_at   REAL    NOT NULL,                             -- when the provider last had news
    over_at      REAL,
    UNIQUE (jobid, provider)
) STRICT;
INSERT INTO new_jobs (id, key, jobid, parent_jobid, status, over, answer, added_at, changed_at, over_at)
    SELECT id, key, jobid, parent_jobid, status, over, answer, added_at, changed_at, over_at FROM jobs;
DROP TABLE jobs; -- migrations run without foreign keys, see bot.store.connection: no row that refers to it is deleted
ALTER TABLE new_jobs RENAME TO jobs;
CREATE INDEX jobs_running ON jobs (provider, id) WHERE over = 0;
CREATE INDEX jobs_cancelled ON jobs (over_at) WHERE status = 'cancelled';
CREATE INDEX jobs_by_parent ON jobs (parent_jobid, provider) WHERE parent_jobid <> '';

ALTER TABLE submissions ADD COLUMN provider TEXT NOT NULL DEFAULT 'useapi'; -- to which it is sent
