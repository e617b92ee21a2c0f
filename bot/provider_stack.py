"""Builds everything that one provider has of its own: its poller, its webhook inbox and its queue of submissions."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from bot.client import Darkroom
from bot.models import KnownJob, ProviderName, Submission
from bot.polling import Poller, Pollers, WebhookInbox, WebhookInboxes
from bot.providers.base import Provider
from bot.submissions import SubmissionQueue, SubmissionQueues
from bot.ui.permissions import postable_destination
from bot.ui.submission_replies import SubmissionReplies


class ProviderStack(NamedTuple):
    """The parts of one provider; one that is not set up has a queue only, which ends what is still open in it."""

    queue: SubmissionQueue
    poller: Poller | None = None
    webhooks: WebhookInbox | None = None


def build_stacks(bot: Darkroom, *, now: Callable[[], datetime]) -> None:
    """Give `bot` the stacks of all providers, and its loops; `bot.dispatcher` is there already."""
    replies = SubmissionReplies(
        bot=bot, store=bot.store, accepted_answers=bot.accepted_answers, deliver_soon=bot.deliver_soon, now=now
    )
    stacks: dict[ProviderName, ProviderStack] = {}
    for name in ProviderName:
        provider = bot.providers.of(name)
        build = _configured if name in bot.providers else _absent
        stacks[name] = build(bot, provider, replies, now)
    pollers = {name: stack.poller for name, stack in stacks.items() if stack.poller is not None}
    inboxes = {name: stack.webhooks for name, stack in stacks.items() if stack.webhooks is not None}
    bot.poller = Pollers(pollers)
    bot.webhooks = WebhookInboxes(inboxes)
    bot.submissions = SubmissionQueues({name: stack.queue for name, stack in stacks.items()})
    bot.background |= {f"{name} poller": poller.run for name, poller in pollers.items()}
    bot.background |= {f"{name} submission queue": stack.queue.run for name, stack in stacks.items()}


def _configured(
    bot: Darkroom, provider: Provider, replies: SubmissionReplies, now: Callable[[], datetime]
) -> ProviderStack:
    settings = bot.settings
    poller = Poller(
        provider=provider,
        store=bot.store,
        poll_seconds=settings.poll_seconds,
        concurrency=settings.poll_concurrency,
        now=now,
        on_recorded=bot.deliver_soon,
        on_job_over=lambda: queue.slot_freed(),
        alerts=bot.alerts,
    )

    def poll_adopted(known: KnownJob) -> None:
        """Poll a job that named its own destination, and post what is due for it."""
        poller.add(known)
        webhooks.job_added(known)
        bot.deliver_soon()

    def poll_child(child: KnownJob) -> None:
        """Poll the job that a submission has started; webhook calls about it may have come before the response."""
        poller.add(child, sooner=True)
        webhooks.job_added(child)

    webhooks = WebhookInbox(
        provider=provider,
        store=bot.store,
        poll_soon=poller.poll_soon,
        destination_of=partial(postable_destination, bot, guilds=settings.allowed_guilds),
        on_subscribed=poll_adopted,
        on_job_seen=lambda job: queue.job_seen(job),
    )
    queue = _queue(bot, provider, replies, now, poll_child)
    return ProviderStack(queue, poller, webhooks)


def _absent(
    bot: Darkroom, provider: Provider, replies: SubmissionReplies, now: Callable[[], datetime]
) -> ProviderStack:
    return ProviderStack(_queue(bot, provider, replies, now, lambda _child: None))


def _queue(
    bot: Darkroom,
    provider: Provider,
    replies: SubmissionReplies,
    now: Callable[[], datetime],
    poll_child: Callable[[KnownJob], None],
) -> SubmissionQueue:
    async def notify(submission: Submission) -> None:
        await replies.notify(submission, queue.pause_reason)

    queue = SubmissionQueue(
        provider=provider,
        store=bot.store,
        poll_child=poll_child,
        notify=notify,
        is_visible=replies.is_visible,
        deliver_soon=bot.deliver_soon,
        alerts=bot.alerts,
        queue_limit=bot.settings.press_queue,
        now=now,
        is_served=bot.serves,
    )
    return queue
