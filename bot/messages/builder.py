"""Builds the message of a delivery from what the store knows."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import discord
import msgspec
from discord import ui

from bot import formatting
from bot.images import ImageClient
from bot.messages.attachments import AttachmentBuilder
from bot.messages.mentions import Mentions
from bot.messages.message import Message, Omissions, without_words
from bot.messages.picture_sources import PictureSources
from bot.messages.references import References
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
from bot.ui import notice_view, result_view, split_view, starboard_post_view, status_card_view
from bot.ui.age_restrictions import AgeRestrictions
from bot.ui.view_rights import ViewRights

_COMPLETE = Omissions()
_NO_WORDS = "A filter refused the prompt, so it is left out here."
_SILENT_AFTER = timedelta(hours=2)  # a message later than this is posted without a notification sound


class MessageBuilder:
    """Builds messages; `folder` holds their files until they are sent, `alerts` reports a full disk."""

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
        self._references = References(store=store, view_rights=ViewRights(bot))
        self._mentions = Mentions(store=store, ping_after=ping_after)
        self._attachments = AttachmentBuilder(
            store=store,
            pictures=pictures,
            sources=PictureSources(bot=bot, store=store, pictures=pictures),
            spoilers=Spoilers(age_restrictions=AgeRestrictions(bot), store=store),
            now=now,
            alerts=alerts,
        )

    @asynccontextmanager
    async def message(
        self, delivery: Delivery, known: KnownJob | None, omissions: Omissions = _COMPLETE
    ) -> AsyncIterator[Message]:
        """The message of a delivery; its files are deleted when the context ends. Only a notice may have no job."""
        if delivery.kind is DeliveryKind.NOTICE:
            yield await self._notice(delivery, known)
            return
        assert known is not None, "every other message is about a job"
        if omissions.words:
            known = msgspec.structs.replace(known, job=without_words(known.job))
        with self._temporary_folder() as folder:
            match delivery.kind:
                case DeliveryKind.RESULT:
                    yield await self._result(delivery, known, Path(folder), omissions)
                case DeliveryKind.STATUS_CARD:
                    yield await self._status_card(delivery, known, Path(folder), omissions)
                case DeliveryKind.SPLIT:
                    yield await self._split(delivery, known, Path(folder), omissions)
                case DeliveryKind.STARBOARD_POST:
                    yield await self._starboard_post(delivery, known, Path(folder), omissions)

    def _temporary_folder(self) -> AbstractContextManager[str]:
        """A new folder for the files of one message."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)  # it may have been deleted by hand
            return TemporaryDirectory(dir=self._folder)
        except OSError:  # the disk is full: no file can be written into this folder, so the message has no picture
            return nullcontext(str(self._folder / "none"))

    async def view(self, delivery: Delivery, known: KnownJob) -> ui.View:
        """The buttons of a result as of now; a pick that was made is a link to its picture."""
        used = await self._references.pick_links(known, delivery.destination)
        return result_view(delivery.nonce, known.job, bare=delivery.fallback is Fallback.TEXT, used=used)

    # --- status cards -----------------------------------------------------------------------------------------------

    async def _status_card(self, delivery: Delivery, known: KnownJob, folder: Path, omissions: Omissions) -> Message:
        subscriptions = await self._store.subscriptions.in_channel(known.id, delivery.destination.channel_id)
        embed = formatting.status_card(
            known.job,
            parent=await self._parent(known.job, delivery, omissions),
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

    def final_status_text(self, known: KnownJob, omissions: Omissions = _COMPLETE) -> str:
        """The one line that a card becomes when nobody here is subscribed any more, or no result can be posted here."""
        job = without_words(known.job) if omissions.words else known.job
        if not job.over:
            return f"-# No longer watching {formatting.plain(formatting.label(job), 100)} here."
        return formatting.finished_line(job, took=_took(job))

    async def _parent(self, job: Job, delivery: Delivery, omissions: Omissions) -> formatting.Link | None:
        parent = await self._references.parent(job, delivery.destination)
        return msgspec.structs.replace(parent, text="") if parent is not None and omissions.words else parent

    # --- results ----------------------------------------------------------------------------------------------------

    async def _result(self, delivery: Delivery, known: KnownJob, folder: Path, omissions: Omissions) -> Message:
        subscriptions = await self._store.subscriptions.in_channel(known.id, delivery.destination.channel_id)
        over_at = known.over_at or self._now()
        posted_again = delivery.created_at > over_at  # requested when the job was over, so no subscriber waited for it
        mentioned = [] if posted_again else await self._mentions.for_result(delivery, known, subscriptions, over_at)
        due_since = delivery.created_at if posted_again else _available_since(known, subscriptions)
        message = Message(
            content=formatting.mentions(mentioned),
            view=await self.view(delivery, known),
            mentioned=mentioned,
            reply_to=await self._references.reply_to(known.job, delivery.destination),
            silent=self._now() - due_since > _SILENT_AFTER,
        )
        if delivery.fallback is Fallback.TEXT:
            line = formatting.finished_line(known.job, took=_took(known.job))
            line = f"{line} · #{known.key}"  # without an embed, a search of the history finds it by this
            return replace(message, content=f"{message.content}\n{line}".strip()[:2000])
        attachments = await self._attachments.for_result(delivery, known, folder, omissions.why_no_file)
        embed = formatting.result(
            known.job,
            key=known.key,
            parent=await self._parent(known.job, delivery, omissions),
            requester=next(
                (subscription.person.name for subscription in subscriptions if subscription.person != NO_PERSON), None
            ),
            picture=attachments.embed_url,
            note=" ".join(filter(None, (_NO_WORDS if omissions.words else None, attachments.note))),
            took=_took(known.job),
        )
        return replace(message, embed=embed, files=attachments.files, retry_picture=attachments.retry_picture)

    # --- starboard posts --------------------------------------------------------------------------------------------

    async def _starboard_post(self, delivery: Delivery, known: KnownJob, folder: Path, omissions: Omissions) -> Message:
        """A starred picture with its author and a link to its result, as far as all readers here can view that."""
        link = await self._references.link(known, delivery.destination)
        message = Message(
            content=await self.starboard_text(delivery, known, omissions),
            view=starboard_post_view(delivery.nonce, None if link is None else link.url),
        )
        if known.job.status != Status.COMPLETED:
            return replace(message, needless=True)
        if delivery.fallback is Fallback.TEXT:
            return message
        attachments = await self._attachments.for_starboard(delivery, known, folder, omissions.why_no_file)
        if attachments is None:
            return replace(message, needless=True)
        author = await self._store.subscriptions.author(known.id, delivery.destination.guild_id)
        embed = formatting.result(
            known.job,
            key=known.key,
            parent=None,
            requester=None if author is None else author.name,
            picture=attachments.embed_url,
            note=" ".join(filter(None, (_NO_WORDS if omissions.words else None, attachments.note))),
        )
        return replace(message, embed=embed, files=attachments.files, retry_picture=attachments.retry_picture)

    async def starboard_text(self, delivery: Delivery, known: KnownJob, omissions: Omissions) -> str:
        """The text of a starboard post as of now: its stars, and the job's name where the post has no embed."""
        stars = formatting.star_count(await self._store.stars.count(known.id, delivery.destination.guild_id))
        if delivery.fallback is not Fallback.TEXT:
            return stars
        job = without_words(known.job) if omissions.words else known.job
        return f"{stars}\n{formatting.finished_line(job, took=None)} · #{known.key}"

    # --- splits and notices -----------------------------------------------------------------------------------------

    async def _split(self, delivery: Delivery, known: KnownJob, folder: Path, omissions: Omissions) -> Message:
        """The four pictures of a grid as a reply to it, without an embed, in which Discord would repeat one of them."""
        attachments = await self._attachments.for_split(delivery, known, folder, omissions.why_no_file)
        name = formatting.plain(formatting.title(known.job) or formatting.label(known.job), 120)
        return Message(
            content=f"-# {name} · {attachments.note or f'1 to 4 of #{known.key}'}",
            view=split_view(delivery.nonce),
            files=attachments.files,
            reply_to=await self._references.message_of(known.id, delivery.destination),
            retry_picture=attachments.retry_picture,
        )

    async def _notice(self, delivery: Delivery, parent: KnownJob | None) -> Message:
        """The outcome of a submission, where it could not be said in a private answer; a prompt's has no parent."""
        submission = None if delivery.submission_id is None else await self._store.history.by_id(delivery.submission_id)
        assert submission is not None, "a notice refers to its submission"
        child = None
        if submission.state is SubmissionState.REPEATED and submission.child_id is not None:
            child = await self._references.link(await self._store.jobs.get(submission.child_id), delivery.destination)
        pings = await self._mentions.for_notice(delivery, submission.person)
        return Message(
            content=formatting.notice(
                submission,
                parent=None if parent is None else await self._references.link(parent, delivery.destination),
                child_url=child.url if child else None,
            ),
            view=notice_view(delivery.nonce),
            mentioned=[submission.person.id] if pings else [],
            reply_to=None if parent is None else await self._references.message_of(parent.id, delivery.destination),
            silent=self._now() - delivery.created_at > _SILENT_AFTER,
        )


def _available_since(known: KnownJob, subscriptions: Sequence[Subscription]) -> datetime:
    """When the subscribers could have had the result at the earliest, even if the bot was not running then."""
    over_at = known.over_at or known.changed_at
    finished_at = None if known.job.given_up else known.job.updated
    return max(
        min(finished_at or over_at, over_at),
        min((subscription.subscribed_at for subscription in subscriptions), default=over_at),
    )


def _took(job: Job) -> timedelta | None:
    """How long Midjourney took, or `None` where unknown.

    The time of the result's message counts: useapi's `updated` also changes when one of its buttons is pressed later.
    """
    ended = job.timestamp if job.status == Status.COMPLETED and job.timestamp else job.updated
    if job.given_up or job.created is None or ended is None or ended < job.created:
        return None
    return ended - job.created
