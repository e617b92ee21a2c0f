-- How each subscription came about: only who gave the job's id, or started the job, has rights to it.

ALTER TABLE subscriptions ADD COLUMN origin TEXT NOT NULL DEFAULT 'key'
    CHECK (origin IN ('job_id', 'press', 'key', 'notify', 'post', 'unattended'));
UPDATE subscriptions SET origin = 'unattended' WHERE user_id = 0;
-- A key and a button below a post work only where the job was subscribed before, so a member with the first subscription
-- of a server gave the id or started the job. Of the others nobody knows; they lose a right rather than gain one.
UPDATE subscriptions SET origin = 'job_id'
WHERE user_id <> 0 AND id IN (SELECT min(id) FROM subscriptions GROUP BY job_id, guild_id);
UPDATE subscriptions SET origin = 'press'
WHERE EXISTS (SELECT 1 FROM submissions WHERE child_id = job_id AND state = 'accepted'
              AND submissions.guild_id = subscriptions.guild_id AND submissions.user_id = subscriptions.user_id);
