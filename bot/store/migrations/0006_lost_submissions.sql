-- Jobs of lost submissions are searched for until a day after the request; declined ones have a limit of their own.

CREATE INDEX submissions_lost ON submissions (sent_at) WHERE state = 'lost';
CREATE INDEX submissions_by_member_and_time ON submissions (user_id, created_at);

-- 0.1.0 took the absence of a job for the proof that there is none.
UPDATE submissions
SET error = 'useapi.net gave no clear answer, and no job was found for this button. It may have been charged all the '
            || 'same.'
WHERE error LIKE '%nothing was charged%' AND state IN ('unconfirmed', 'lost');
