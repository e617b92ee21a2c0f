"""Polls every subscribed job when it is due and records what became of it. Imports nothing of Discord.

However many subscriptions a job has, it is one request at a time, and no more requests are in flight than
POLL_CONCURRENCY; in an outage it is one. Statuses only move forward, and a job that is over is recorded in one
transaction with its deliveries. A webhook call only brings a poll forward: what it says is never believed.

`poller` is the loop, `schedule` its due times, `decisions` what the outcome of a poll means, `job_records` what is
remembered of a job, `circuit_breaker` what is known of an outage, and `first_poll` when a first poll is too early.
`webhooks` acts on the calls of a provider. All of these are one provider's; `pollers` and `webhook_inboxes` hold
those of all providers.
"""

from bot.polling.poller import Poller
from bot.polling.pollers import Pollers
from bot.polling.webhook_inboxes import WebhookInboxes
from bot.polling.webhooks import WebhookInbox

__all__ = ["Poller", "Pollers", "WebhookInbox", "WebhookInboxes"]
