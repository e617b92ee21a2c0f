-- Jobs that were cancelled are looked at for another hour, also by a bot that was started meanwhile.

CREATE INDEX jobs_cancelled ON jobs (over_at) WHERE status = 'cancelled';
