"""What a delivery says: puts card or result, picture, buttons, mentions and reply together, whole or degraded."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import discord
from discord import ui

from bot import buttons, cards
from bot.asking import jump
from bot.images import Picture, PictureError, PictureGone, Pictures, TooLarge
from bot.jobs import SEED_VERBS, Delivery, Job, Kind, KnownJob, Shape, Status, Watch
from bot.store import Store

log = logging.getLogger(__name__)

UPLOAD_LIMIT = 10 * 1024 * 1024  # bytes a file: Discord's default since 2025-01-16
_PREVIEW_LIMIT = 1024 * 1024  # bytes; the largest seen has 140 KB
_PREVIEW_SECONDS = 10.0
_LATE = timedelta(hours=2)  # a result this late is posted without a sound
_SHOWN_BY_EMBED = {"png", "jpg", "webp", "gif"}
_NO_PICTURE = "useapi.net named no picture for this job."


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file to attach, with the name and the words for who cannot see it."""

    picture: Picture
    name: str
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message ready to be sent."""

    content: str = ""
    embed: discord.Embed | None = None
    view: ui.View
    files: Sequence[File] = ()
    mentioned: Sequence[int] = ()
    reply_to: int | None = None
    silent: bool = False

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(file.picture.size for file in self.files)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Media:
    """What became of a job's pictures: the files, the address for the embed, and a word about what is missing."""

    files: list[File] = field(default_factory=list)
    shown: str | None = None
    note: str = ""


class Writer:
    """Writes the messages of deliveries from what the store knows; `folder` holds the files on their way."""

    def __init__(
        self, *, store: Store, pictures: Pictures, folder: Path, ping_after: float, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._pictures = pictures
        self._folder = folder
        self._ping_after = timedelta(seconds=ping_after)
        self._now = now

    @asynccontextmanager
    async def message(self, delivery: Delivery, known: KnownJob) -> AsyncIterator[Message]:
        """The result or the card; its files live as long as the context."""
        with TemporaryDirectory(dir=self._folder) as folder:
            if delivery.kind is Kind.RESULT:
                yield await self._result(delivery, known, Path(folder))
            else:
                yield await self._card(delivery, known, Path(folder))

    async def _card(self, delivery: Delivery, known: KnownJob, folder: Path) -> Message:
        watches = await self._store.watches(known.id, delivery.place.channel_id)
        embed = cards.card(
            known.job,
            parent=await self._parent(delivery, known.job),
            watchers=[watch.person.name for watch in watches],
            started=known.job.created or known.added_at,
        )
        files = await self._preview(known.job, folder) if delivery.shape is Shape.WHOLE else []
        if files:
            embed.set_thumbnail(url=f"attachment://{files[0].name}")
        return Message(embed=embed, view=buttons.card_view(delivery.nonce), files=files)

    async def _preview(self, job: Job, folder: Path) -> list[File]:
        """The newest preview of a running job: attached, because Midjourney deletes it; a card without it is fine."""
        if not job.attachments:
            return []
        try:
            async with asyncio.timeout(_PREVIEW_SECONDS):  # it takes one of the places that results wait for
                picture = await self._pictures.fetch(job.attachments[0].url, into=folder, limit=_PREVIEW_LIMIT)
        except (PictureError, TimeoutError):
            return []
        if picture.extension not in _SHOWN_BY_EMBED:
            return []
        return [File(picture=picture, name=f"preview.{picture.extension}", description="A preview of the picture.")]

    async def last_card(self, delivery: Delivery, known: KnownJob) -> str:
        """The one line that a card shrinks to when there is nothing more to follow."""
        if not known.job.over:
            return f"-# Nobody here waits for {cards.plain(cards.label(known.job), 100)} any more."
        post = await self._store.post_of(known.id, delivery.place.channel_id)
        url = None if post is None or post.id == delivery.id else _jump(post)
        return cards.finished_card(known.job, took=_took(known.job), url=url)

    async def _result(self, delivery: Delivery, known: KnownJob, folder: Path) -> Message:
        watches = await self._store.watches(known.id, delivery.place.channel_id)
        over_at = known.over_at or self._now()
        again = delivery.created_at > over_at  # asked for when the job was over: nobody waited for this one
        waited = [watch.person.id for watch in watches if over_at - watch.asked_at > self._ping_after]
        mentioned = [] if again else waited
        owed_since = delivery.created_at if again else _ended(known, watches)
        message = Message(
            content=cards.mentions(mentioned),
            view=buttons.result_view(delivery.nonce, known.job, bare=delivery.shape is Shape.TEXT),
            mentioned=mentioned,
            reply_to=await self._reply_to(delivery, known.job),
            silent=self._now() - owed_since > _LATE,
        )
        if delivery.shape is Shape.TEXT:
            line = cards.finished_card(known.job, took=_took(known.job), url=None)
            return replace(message, content=f"{message.content}\n{line}".strip()[:2000])
        media = await self._media(delivery, known, folder)
        embed = cards.result(
            known.job,
            key=known.key,
            parent=await self._parent(delivery, known.job),
            asker=_asker(watches),
            picture=media.shown,
            note=media.note,
            took=_took(known.job),
        )
        return replace(message, embed=embed, files=media.files)

    async def _media(self, delivery: Delivery, known: KnownJob, folder: Path) -> _Media:
        urls = picture_urls(known.job)
        if not urls:
            return _Media(note=_NO_PICTURE if _is_picture(known.job) else "")
        if delivery.shape is not Shape.WHOLE:
            return _linked(known.job, urls, "The picture could not be attached here.")
        files: list[File] = []
        try:
            for number, url in enumerate(urls):
                picture = await self._pictures.fetch(url, into=folder, limit=UPLOAD_LIMIT)
                files.append(_file(known, picture, number))
        except PictureGone:
            return _Media(note="The picture is no longer there: such links end after a day.")
        except TooLarge:
            return self._linked_if_allowed(known.job, urls, "The picture is too large to attach.")
        except PictureError as trouble:
            log.warning("The picture of #%s was not fetched: %s", known.key, trouble)
            return self._linked_if_allowed(known.job, urls, "The picture could not be fetched.")
        shown = f"attachment://{files[0].name}" if len(files) == 1 and _embeddable(files[0]) else None
        return _Media(files=files, shown=shown)

    def _linked_if_allowed(self, job: Job, urls: Sequence[str], why: str) -> _Media:
        if not self._pictures.is_allowed(urls[0]):
            return _Media(note="The picture lies on a host that is not on this bot's list.")
        return _linked(job, urls, why)

    async def _parent(self, delivery: Delivery, job: Job) -> cards.Link | None:
        parent = await self._store.by_jobid(job.parent_jobid) if job.parent_jobid else None
        post = None if parent is None else await self._store.post_of(parent.id, delivery.place.channel_id)
        if parent is None or post is None:
            return None
        return cards.Link(text=cards.title(parent.job) or cards.label(parent.job), url=_jump(post))

    async def _reply_to(self, delivery: Delivery, job: Job) -> int | None:
        """The parent's picture for a child, else the job's own card."""
        parent = await self._store.by_jobid(job.parent_jobid) if job.parent_jobid else None
        for job_id in ([parent.id] if parent else []) + [delivery.job_id]:
            post = await self._store.post_of(job_id, delivery.place.channel_id)
            if post is not None:
                return post.message_id
        return None


def picture_urls(job: Job) -> list[str]:
    """Where the pictures of a completed job lie: seed has four, all others one at most."""
    if job.status != Status.COMPLETED:
        return []
    if job.verb in SEED_VERBS and job.seed is not None:
        return [attachment.url for attachment in job.seed.attachments[:4]]
    if job.attachments:
        return [job.attachments[0].url]
    for embed in job.embeds:
        if embed.image_url:
            return [embed.image_url]
    return [media.url for media in (*job.image_ux, *job.video_ux)[:1]]


def _is_picture(job: Job) -> bool:
    """Whether the job's outcome is a picture; describe and seed are worth a post without one."""
    return job.status == Status.COMPLETED and job.verb not in SEED_VERBS | {"describe"}


def _linked(job: Job, urls: Sequence[str], why: str) -> _Media:
    # The full-size address at cdn.midjourney.com names the account's owner: never shown, not even as a last resort.
    if any(media.url == urls[0] for media in (*job.image_ux, *job.video_ux)):
        return _Media(note=why)
    return _Media(shown=urls[0], note=f"{why} This is a link, which ends within a day.")


def _file(known: KnownJob, picture: Picture, number: int) -> File:
    name = cards.file_name(known.job, known.key, picture.extension)
    if number:
        stem, dot, extension = name.rpartition(".")
        name = f"{stem}-{number + 1}{dot}{extension}"
    return File(picture=picture, name=name, description=cards.alt_text(known.job))


def _embeddable(file: File) -> bool:
    return file.picture.extension in _SHOWN_BY_EMBED


def _jump(post: Delivery) -> str:
    assert post.message_id is not None
    return jump(post.place, post.message_id)


def _asker(watches: Sequence[Watch]) -> str:
    return watches[0].person.name if watches else ""


def _ended(known: KnownJob, watches: Sequence[Watch]) -> datetime:
    """When those who watch could have had the result: the bot may have been away at the time."""
    over_at = known.over_at or known.changed_at
    told = None if known.job.lost else known.job.updated
    return max(min(told or over_at, over_at), min((watch.asked_at for watch in watches), default=over_at))


def _took(job: Job) -> timedelta | None:
    if job.lost or job.created is None or job.updated is None or job.updated < job.created:
        return None
    return job.updated - job.created
