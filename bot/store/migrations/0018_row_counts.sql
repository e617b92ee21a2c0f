-- How many jobs, deliveries and submissions there are of each kind and state, for the metrics: kept by triggers, because
-- counting a million rows at each scrape would hold the database for seconds. A table that is made anew needs its
-- triggers again, and no row inserted OR REPLACE, which deletes without a trigger.

CREATE TABLE row_counts (
    table_name TEXT    NOT NULL,
    kind       TEXT    NOT NULL,                               -- of deliveries, '' of other rows
    state      TEXT    NOT NULL,                               -- of jobs: their status
    number     INTEGER NOT NULL,
    PRIMARY KEY (table_name, kind, state)
) STRICT, WITHOUT ROWID;
INSERT INTO row_counts SELECT 'jobs', '', status, count(*) FROM jobs GROUP BY status;
INSERT INTO row_counts SELECT 'deliveries', kind, state, count(*) FROM deliveries GROUP BY kind, state;
INSERT INTO row_counts SELECT 'submissions', '', state, count(*) FROM submissions GROUP BY state;

CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs
BEGIN
    INSERT INTO row_counts VALUES ('jobs', '', NEW.status, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER jobs_changed AFTER UPDATE OF status ON jobs WHEN NEW.status <> OLD.status
BEGIN
    UPDATE row_counts SET number = number - 1 WHERE table_name = 'jobs' AND kind = '' AND state = OLD.status;
    INSERT INTO row_counts VALUES ('jobs', '', NEW.status, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER jobs_deleted AFTER DELETE ON jobs
BEGIN
    UPDATE row_counts SET number = number - 1 WHERE table_name = 'jobs' AND kind = '' AND state = OLD.status;
END;

CREATE TRIGGER deliveries_inserted AFTER INSERT ON deliveries
BEGIN
    INSERT INTO row_counts VALUES ('deliveries', NEW.kind, NEW.state, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER deliveries_changed AFTER UPDATE OF state ON deliveries WHEN NEW.state <> OLD.state
BEGIN
    UPDATE row_counts SET number = number - 1
    WHERE table_name = 'deliveries' AND kind = OLD.kind AND state = OLD.state;
    INSERT INTO row_counts VALUES ('deliveries', NEW.kind, NEW.state, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER deliveries_deleted AFTER DELETE ON deliveries
BEGIN
    UPDATE row_counts SET number = number - 1
    WHERE table_name = 'deliveries' AND kind = OLD.kind AND state = OLD.state;
END;

CREATE TRIGGER submissions_inserted AFTER INSERT ON submissions
BEGIN
    INSERT INTO row_counts VALUES ('submissions', '', NEW.state, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER submissions_changed AFTER UPDATE OF state ON submissions WHEN NEW.state <> OLD.state
BEGIN
    UPDATE row_counts SET number = number - 1 WHERE table_name = 'submissions' AND kind = '' AND state = OLD.state;
    INSERT INTO row_counts VALUES ('submissions', '', NEW.state, 1) ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER submissions_deleted AFTER DELETE ON submissions
BEGIN
    UPDATE row_counts SET number = number - 1 WHERE table_name = 'submissions' AND kind = '' AND state = OLD.state;
END;
