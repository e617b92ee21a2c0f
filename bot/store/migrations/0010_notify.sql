-- Who pressed "Notify me" is mentioned however short they waited, whatever the origin of their subscription is.

ALTER TABLE subscriptions ADD COLUMN notify INTEGER NOT NULL DEFAULT 0 CHECK (notify IN (0, 1));
UPDATE subscriptions SET notify = 1 WHERE origin = 'notify';
