"""A job's pictures made ready for a place: fetched, made to fit, hidden where that is wished, and put into words."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from discord.utils import format_dt

from bot import formatting
from bot.images import (
    VIDEO,
    Fitted,
    ImageClient,
    NoRoom,
    NotAllowed,
    NotFour,
    Picture,
    PictureError,
    PictureGone,
    TooLarge,
    link_ends,
    names_the_payer,
)
from bot.messages.message import File
from bot.messages.picture_sources import PictureSources, picture_urls
from bot.messages.spoilers import Spoilers
from bot.models import SEED_VERBS, Delivery, Destination, Fallback, Job, KnownJob, Status
from bot.models.alert import AlertName, AlertSink
from bot.store import Store

log = logging.getLogger(__name__)

UPLOAD_LIMIT = 10 * 1024 * 1024
"""Bytes a file: Discord's default since 2025-01-16, until a server's own limit is known."""
REQUEST_LIMIT = 24 * 1024 * 1024
"""Bytes of all files of one message: Discord takes requests of 25 MiB, whatever a server's limit is."""

_PREVIEW_LIMIT = 1024 * 1024  # bytes; the largest seen has 140 KB
_PREVIEW_EDGE = 512
_PREVIEW_SECONDS = 10.0
_SHOWN_BY_EMBED = {"png", "jpg", "webp", "gif"}
_SPOILER = "SPOILER_"  # before a file's name: https://discord.com/developers/docs/resources/message#attachment-object
_NO_PICTURE = "useapi.net named no picture for this job."
_UNLISTED = "The picture lies on a host that is not on this bot's list."
_NO_ROOM = (
    "The disk is full: there is no room in `DATA_DIR` for pictures. Results are posted without them, and each picture "
    "is tried again for ten minutes."
)
_ENDED = "The picture is no longer there: such links end after a day."


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachments:
    """What became of a job's pictures.

    The files, the address for the embed, a word about what is missing, and whether another try may find it.
    """

    files: Sequence[File] = ()
    shown: str | None = None
    note: str = ""
    may_come: bool = False


class AttachmentBuilder:
    """Makes pictures ready; the files it makes lie in a folder of the caller's."""

    def __init__(
        self,
        *,
        store: Store,
        pictures: ImageClient,
        sources: PictureSources,
        spoilers: Spoilers,
        now: Callable[[], datetime],
        alerts: AlertSink,
    ) -> None:
        self._store = store
        self._pictures = pictures
        self._sources = sources
        self._spoilers = spoilers
        self._now = now
        self._alerts = alerts

    # --- results ----------------------------------------------------------------------------------------------------

    async def of_result(self, delivery: Delivery, known: KnownJob, into: Path) -> Attachments:
        """The picture of a result, or the best that can be said in its place."""
        job = known.job
        urls = picture_urls(job)
        if not urls:
            return Attachments(note=_NO_PICTURE if _is_picture(job) else "")
        hidden = await self._spoilers.hidden(delivery.destination)
        if delivery.fallback is not Fallback.NONE:
            return self._linked(job, urls[0], "The picture could not be attached here.", hidden)
        try:
            pictures = await self._sources.pictures(known, delivery.destination, into)
        except PictureGone:
            return Attachments(note=_ENDED)
        except TooLarge:
            return self._linked(job, urls[0], "The picture is too large to attach.", hidden)
        except PictureError as error:
            log.warning("The picture was not fetched: %s", error)
            self._tell_of_room(into, error)
            why = "The picture could not be fetched."
            return self._linked(job, urls[0], why, hidden, may_come=not isinstance(error, NotAllowed))
        self._tell_of_room(into)
        return await self._fitted(delivery.destination, known, pictures, hidden, into)

    async def _fitted(
        self, destination: Destination, known: KnownJob, pictures: Sequence[Picture], hidden: bool, into: Path
    ) -> Attachments:
        url = picture_urls(known.job)[0]
        limit = await self._limit(destination, len(pictures))
        try:
            fitted = [await self._pictures.fit(picture, limit=limit, into=into) for picture in pictures]
        except NoRoom as error:
            self._tell_of_room(into, error)
            return self._linked(known.job, url, "The picture could not be attached.", hidden, may_come=True)
        except PictureError as error:  # a film, or what no decoder reads
            log.info("The picture cannot be made smaller: %s", error)
            what = "film" if pictures[0].content_type == VIDEO else "picture"
            why = f"The {what} is too large to attach."
            return self._linked(known.job, url, why, hidden, seen=pictures[0].content_type != VIDEO)
        files = [_file(known, fit.picture, number, hidden) for number, fit in enumerate(fitted)]
        alone = len(files) == 1 and not hidden and files[0].picture.extension in _SHOWN_BY_EMBED
        note = self._note(known.job, url, pictures[0], fitted[0])
        return Attachments(files=files, shown=f"attachment://{files[0].name}" if alone else None, note=note)

    def _tell_of_room(self, into: Path, error: PictureError | None = None) -> None:
        """Have the owner told when the disk is full, and when there is room again for more than small pictures."""
        if isinstance(error, NoRoom):
            self._alerts.open(AlertName.PICTURE_SPACE, _NO_ROOM)
        elif error is None and self._pictures.has_room(into):
            self._alerts.close(AlertName.PICTURE_SPACE)

    def _note(self, job: Job, url: str, whole: Picture, fitted: Fitted) -> str:
        """What is said when a copy is shown in the place of the picture itself."""
        if not fitted.smaller:
            return ""
        size = f"{whole.size / 1024 / 1024:.1f} MB"
        there = self._is_public(job, url) and self._lives(url)
        if not fitted.still:
            way = " Its full size is behind `⋯`." if there and link_ends(url) is not None else ""
            return f"A smaller copy is shown, because the picture has {size}.{way}"
        way = f" {self._link('Moving picture', url)}" if there else ""
        return f"A still is shown, because the moving picture has {size}.{way}".rstrip()

    # --- in four, and small -----------------------------------------------------------------------------------------

    async def in_four(self, delivery: Delivery, known: KnownJob, into: Path) -> Attachments:
        """The four pictures of a grid as four files, or a sentence that says why not."""
        if delivery.fallback is not Fallback.NONE:
            return Attachments(note="The four pictures could not be attached here.")
        hidden = await self._spoilers.hidden(delivery.destination)
        limit = await self._limit(delivery.destination, 4)
        try:
            pictures = await self._sources.four(known, delivery.destination, into)
            if len(pictures) == 4:
                four = [(await self._pictures.fit(each, limit=limit, into=into)).picture for each in pictures]
            else:
                four = list(await self._pictures.split(pictures[0], limit_each=limit, into=into))
        except PictureGone:
            return Attachments(note=_ENDED)
        except (NotFour, IndexError):
            return Attachments(note="There are not four pictures in this one.")
        except PictureError as error:
            log.warning("The picture was not split: %s", error)
            self._tell_of_room(into, error)
            return Attachments(note="The picture could not be split just now.")
        self._tell_of_room(into)
        return Attachments(files=[_file(known, picture, number, hidden, of=4) for number, picture in enumerate(four)])

    async def preview(self, job: Job, destination: Destination, into: Path) -> list[File]:
        """The newest preview of a running job: attached, because Midjourney deletes it; a card without it is fine."""
        if not job.attachments or await self._spoilers.hidden(
            destination
        ):  # what an embed shows, Discord does not hide
            return []
        try:
            async with asyncio.timeout(_PREVIEW_SECONDS):  # it takes one of the places that results wait for
                picture = await self._pictures.fetch(job.attachments[0].url, into=into, limit=_PREVIEW_LIMIT)
                small = await self._pictures.thumbnail(picture, edge=_PREVIEW_EDGE, into=into)
        except (PictureError, TimeoutError):
            return []
        if small.extension not in _SHOWN_BY_EMBED:
            return []
        return [File(picture=small, name=f"preview.{small.extension}", description="A preview of the picture.")]

    # --- links and limits -------------------------------------------------------------------------------------------

    async def _limit(self, destination: Destination, files: int) -> int:
        """Bytes that each of so many files may have here."""
        limit = await self._store.servers.file_limit(destination.guild_id) or UPLOAD_LIMIT
        return min(limit, REQUEST_LIMIT // max(files, 1))

    def _linked(
        self, job: Job, url: str, why: str, hidden: bool, *, seen: bool = True, may_come: bool = False
    ) -> Attachments:
        """The picture by its address, which Discord shows in an embed where it is to be `seen` at once."""
        if not self._pictures.is_allowed(url):
            return Attachments(note=_UNLISTED)
        if not self._is_public(job, url) or not self._lives(url):
            return Attachments(note=why, may_come=may_come)
        if hidden or not seen or url.partition("?")[0].lower().endswith(".mp4"):
            return Attachments(note=f"{why} {self._link('Here it is', url)}".rstrip(), may_come=may_come)
        until = link_ends(url)
        ends = "within a day" if until is None else format_dt(until, "R")
        return Attachments(shown=url, note=f"{why} This is a link, which ends {ends}.", may_come=may_come)

    def _link(self, text: str, url: str) -> str:
        """A sentence that is a link, and says until when; empty for an address that Discord would not link."""
        linked, until = formatting.link(text, url), link_ends(url)
        if linked == text:
            return ""
        return f"{linked}." if until is None else f"{linked}, until {format_dt(until, 'f')}."

    def _is_public(self, job: Job, url: str) -> bool:
        """Whether it may be shown: wherever the full-size files lie, their addresses name the account's owner."""
        named = names_the_payer(url) or any(attachments.url == url for attachments in (*job.image_ux, *job.video_ux))
        return self._pictures.is_allowed(url) and not named

    def _lives(self, url: str) -> bool:
        until = link_ends(url)
        return until is None or until > self._now()


def _is_picture(job: Job) -> bool:
    """Whether the job's outcome is a picture; describe and seed are worth a post without one."""
    return job.status == Status.COMPLETED and job.verb not in SEED_VERBS | {"describe"}


def _file(known: KnownJob, picture: Picture, number: int, hidden: bool, *, of: int = 1) -> File:
    name = formatting.file_name(known.job, known.key, picture.extension)
    if number or of > 1:
        stem, dot, extension = name.rpartition(".")
        name = f"{stem}-{number + 1}{dot}{extension}"
    if hidden:
        name = _SPOILER + name
    return File(
        picture=picture, name=name, description=formatting.alt_text(known.job, part=number + 1 if of > 1 else None)
    )
