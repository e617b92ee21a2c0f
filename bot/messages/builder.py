"""Puts the messages of deliveries together from what the store knows."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import discord
from discord import ui

from bot import formatting
from bot.images import ImageClient
from bot.messages.attachments import AttachmentBuilder
from bot.messages.mentions import Mentions
from bot.messages.message import Message
from bot.messages.notices import notice
from bot.messages.picture_sources import PictureSources
from bot.messages.references import References, jump_to
from bot.messages.spoilers import Spoilers
from bot.models import (
    NO_PERSON,
    Delivery,
    DeliveryKind,
    Fallback,
    Job,
    KnownJob,
    Status,
    SubmissionState,
    Subscription,
)
from bot.models.alert import AlertSink
from bot.store import Store
from bot.ui import notice_view, result_view, split_view, status_card_view

_LATE = timedelta(hours=2)  # a message this late is posted without a sound


class MessageBuilder:
    """Writes the messages of deliveries.

    `folder` holds the files on their way; `alerts` is told of a disk that is full.
    """

    def __init__(
        self,
        *,
        bot: discord.Client,
        store: Store,
        pictures: ImageClient,
        folder: Path,
        ping_after: float,
        now: Callable[[], datetime],
        alerts: AlertSink,
    ) -> None:
        self._store = store
        self._folder = folder
        self._now = now
        self._references = References(store)
        self._mentions = Mentions(store=store, ping_after=ping_after)
        self._attachments = AttachmentBuilder(
            store=store,
            pictures=pictures,
            sources=PictureSources(bot=bot, store=store, pictures=pictures),
            spoilers=Spoilers(bot=bot, store=store),
            now=now,
            alerts=alerts,
        )

    @asynccontextmanager
    async def message(self, delivery: Delivery, known: KnownJob) -> AsyncIterator[Message]:
        """The whole message; its files live as long as the context."""
        with self._room() as folder:
            match delivery.kind:
                case DeliveryKind.RESULT:
                    yield await self._result(delivery, known, Path(folder))
                case DeliveryKind.STATUS_CARD:
                    yield await self._card(delivery, known, Path(folder))
                case DeliveryKind.NOTICE:
                    yield await self._notice(delivery, known)
                case DeliveryKind.SPLIT:
                    yield await self._split(delivery, known, Path(folder))

    def _room(self) -> AbstractContextManager[str]:
        """A new folder for the files of one message."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)  # somebody may have tidied up
            return TemporaryDirectory(dir=self._folder)
        except OSError:  # the disk is full: a folder that does not exist takes no picture, and the message goes without
            return nullcontext(str(self._folder / "none"))

    async def view(self, delivery: Delivery, known: KnownJob) -> ui.View:
        """The buttons of a result as they are now: those that were used lead to what they made."""
        used = await self._references.used(known, delivery.destination)
        return result_view(delivery.nonce, known.job, bare=delivery.fallback is Fallback.TEXT, used=used)

    # --- cards ------------------------------------------------------------------------------------------------------

    async def _card(self, delivery: Delivery, known: KnownJob, folder: Path) -> Message:
        subscriptions = await self._store.subscriptions.in_channel(known.id, delivery.destination.channel_id)
        embed = formatting.card(
            known.job,
            parent=await self._references.parent(known.job, delivery.destination),
            subscribers=[
                subscription.person.name for subscription in subscriptions if subscription.person != NO_PERSON
            ],
            started=known.job.created or known.added_at,
            typical=None if known.job.over else await self._store.durations.typical(known.job),
        )
        files = (
            await self._attachments.preview(known.job, delivery.destination, folder)
            if delivery.fallback is Fallback.NONE
            else []
        )
        if files:
            embed.set_thumbnail(url=f"attachment://{files[0].name}")
        return Message(embed=embed, view=status_card_view(delivery.nonce), files=files)

    async def last_card(self, delivery: Delivery, known: KnownJob) -> str:
        """The one line that a card shrinks to when there is nothing more to follow."""
        if not known.job.over:
            return f"-# Nobody here waits for {formatting.plain(formatting.label(known.job), 100)} any more."
        post = await self._store.deliveries.post_of(known.id, delivery.destination.channel_id)
        url = None if post is None or post.id == delivery.id else jump_to(post)
        return formatting.finished_card(known.job, took=_took(known.job), url=url)

    # --- results ----------------------------------------------------------------------------------------------------

    async def _result(self, delivery: Delivery, known: KnownJob, folder: Path) -> Message:
        subscriptions = await self._store.subscriptions.in_channel(known.id, delivery.destination.channel_id)
        over_at = known.over_at or self._now()
        again = delivery.created_at > over_at  # asked for when the job was over: nobody waited for this one
        mentioned = [] if again else await self._mentions.of_result(delivery, known, subscriptions, over_at)
        owed_since = delivery.created_at if again else _ended(known, subscriptions)
        message = Message(
            content=formatting.mentions(mentioned),
            view=await self.view(delivery, known),
            mentioned=mentioned,
            reply_to=await self._references.reply_to(known, delivery.destination),
            silent=self._now() - owed_since > _LATE,
        )
        if delivery.fallback is Fallback.TEXT:
            line = formatting.finished_card(known.job, took=_took(known.job), url=None)
            return replace(message, content=f"{message.content}\n{line}".strip()[:2000])
        attachments = await self._attachments.of_result(delivery, known, folder)
        embed = formatting.result(
            known.job,
            key=known.key,
            parent=await self._references.parent(known.job, delivery.destination),
            requester=next(
                (subscription.person.name for subscription in subscriptions if subscription.person != NO_PERSON), ""
            ),
            picture=attachments.shown,
            note=attachments.note,
            took=_took(known.job),
        )
        return replace(message, embed=embed, files=attachments.files, may_come=attachments.may_come)

    # --- what goes with results -------------------------------------------------------------------------------------

    async def _split(self, delivery: Delivery, known: KnownJob, folder: Path) -> Message:
        """The four pictures of a grid as a reply to it; in an embed Discord would show one of them twice."""
        attachments = await self._attachments.in_four(delivery, known, folder)
        name = formatting.plain(formatting.title(known.job) or formatting.label(known.job), 120)
        return Message(
            content=f"-# {name} · {attachments.note or f'1 to 4 of #{known.key}'}",
            view=split_view(delivery.nonce),
            files=attachments.files,
            reply_to=await self._references.message_of(known.id, delivery.destination),
        )

    async def _notice(self, delivery: Delivery, parent: KnownJob) -> Message:
        """What became of a press, in the place of the private answer that could not be given."""
        submission = None if delivery.submission_id is None else await self._store.history.by_id(delivery.submission_id)
        assert submission is not None, "a notice goes with its press"
        child = None
        if submission.state is SubmissionState.REPEATED and submission.child_id is not None:
            child = await self._references.link(await self._store.jobs.get(submission.child_id), delivery.destination)
        rings = await self._mentions.of_notice(delivery, submission.person)
        return Message(
            content=notice(
                submission,
                parent=await self._references.link(parent, delivery.destination),
                child=child.url if child else "",
            ),
            view=notice_view(delivery.nonce),
            mentioned=[submission.person.id] if rings else [],
            reply_to=await self._references.message_of(parent.id, delivery.destination),
            silent=self._now() - delivery.created_at > _LATE,
        )


def _ended(known: KnownJob, subscriptions: Sequence[Subscription]) -> datetime:
    """When those who watch could have had the result: the bot may have been away at the time."""
    over_at = known.over_at or known.changed_at
    told = None if known.job.given_up else known.job.updated
    return max(
        min(told or over_at, over_at),
        min((subscription.subscribed_at for subscription in subscriptions), default=over_at),
    )


def _took(job: Job) -> timedelta | None:
    """How long Midjourney took. useapi's `updated` is no good where it tells of the result's own message: presses on it
    change that later, too.
    """
    ended = job.timestamp if job.status == Status.COMPLETED and job.timestamp else job.updated
    if job.given_up or job.created is None or ended is None or ended < job.created:
        return None
    return ended - job.created
