"""The private answer to a member who subscribed to a job: what will happen, and the way to a result that is posted."""

from collections.abc import Mapping

from discord import ui

from bot import formatting
from bot.models import Destination
from bot.store import SubscriptionOutcome, SubscriptionResult
from bot.ui.base import picture_link, view_of
from bot.ui.interactions import jump
from bot.ui.posts.result import posted_view

_HERE: Mapping[SubscriptionOutcome, str] = {
    SubscriptionOutcome.NEW: "Watching `#{key}`. I'll post the {result} here.",
    SubscriptionOutcome.JOINED: "I'm already watching this here. I'll notify you too.",
    SubscriptionOutcome.COMING: "This job has already finished. Posting it here.",
    SubscriptionOutcome.POSTED: "It's already posted here.",
}
_ELSEWHERE: Mapping[SubscriptionOutcome, str] = {
    SubscriptionOutcome.NEW: "Watching `#{key}`. I'll post the {result} in {channel}.",
    SubscriptionOutcome.JOINED: "I'm already watching this in {channel}. I'll notify you too.",
    SubscriptionOutcome.COMING: "This job has already finished. Posting it in {channel}.",
    SubscriptionOutcome.POSTED: "It's already posted in {channel}.",
}
_JOINED_STATUS_CARD = "I'm already watching this [here]({url}). I'll notify you too."
_NOTIFIED = "I'll mention you here when it's done."
_NO_PINGS = "Pings are turned off in this server, so I'll post it here without a mention."


def subscription_text(subscribed: SubscriptionResult, *, there: Destination, here: Destination) -> str:
    """What happens now, for a member who is `here` and whose job is posted `there`."""
    url = _url(subscribed)
    if subscribed.outcome is SubscriptionOutcome.JOINED and url is not None and there == here:
        return _JOINED_STATUS_CARD.format(url=url)
    sentences = _HERE if there == here else _ELSEWHERE
    return sentences[subscribed.outcome].format(
        key=subscribed.known.key,
        result=formatting.outcome(subscribed.known.job),
        channel=f"<#{there.channel_id}>",
    )


def notify_text(subscribed: SubscriptionResult, *, here: Destination, pings: bool) -> str:
    """As `subscription_text`, for a member who pressed "Notify me" below the status card of a job.

    `pings`: whether the server's results mention anybody.
    """
    if subscribed.known.job.over:  # the card could not be edited yet
        return subscription_text(subscribed, there=here, here=here)
    return _NOTIFIED if pings else _NO_PINGS


def posted_url(subscribed: SubscriptionResult) -> str | None:
    """The jump link of the result, if it was posted before."""
    return _url(subscribed) if subscribed.outcome is SubscriptionOutcome.POSTED else None


def subscription_view(subscribed: SubscriptionResult, *, there: Destination, here: Destination) -> ui.View | None:
    """The buttons below the answer: the link to a result that was posted before and, if that is here, "Post again"."""
    url = posted_url(subscribed)
    if url is None or subscribed.delivery is None:
        return None
    if there == here:
        return posted_view(subscribed.delivery.nonce, url)
    return view_of(picture_link(url))  # "Post again" posts where it is pressed, which is another channel


def _url(subscribed: SubscriptionResult) -> str | None:
    delivery = subscribed.delivery
    if delivery is None or delivery.message_id is None:
        return None
    return jump(delivery.destination, delivery.message_id)
