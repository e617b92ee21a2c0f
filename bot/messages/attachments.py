"""A job's pictures as the files of a message: fetched, fitted into the limits, or replaced by a note."""

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
    PictureUnreachable,
    TooLarge,
    link_ends,
    names_the_payer,
)
from bot.messages.message import File
from bot.messages.picture_sources import FINAL_ERRORS, Found, PictureSources, PostNotReadable, picture_urls
from bot.messages.spoilers import Spoilers
from bot.models import SEED_VERBS, Delivery, Destination, Fallback, Job, KnownJob, Status
from bot.models.alert import AlertName, AlertSink
from bot.models.provider import WORDS
from bot.store import Store
from bot.ui.file_limits import UPLOAD_LIMIT

log = logging.getLogger(__name__)

REQUEST_LIMIT = 24 * 1024 * 1024
"""Bytes of all files of a message: Discord accepts requests of up to 25 MiB, whatever a server's limit is."""

_PREVIEW_LIMIT = 1024 * 1024  # bytes; the largest seen has 140 KB
_PREVIEW_EDGE = 512
_PREVIEW_SECONDS = 10.0
_EMBEDDABLE = {"png", "jpg", "webp", "gif"}
_SPOILER = (
    "SPOILER_"  # prefix of the file name: https://discord.com/developers/docs/resources/message#attachment-object
)
_NO_ROOM = (
    "The disk is full: there is no space for pictures in `DATA_DIR`. Results are posted without them, and each picture "
    "is retried for 10 minutes."
)
_PRIVATE_LINK = "Whoever added this job finds it in full size under `⋯`."
_HISTORY = ", because I lack Read Message History in its channel"
_NOT_A_GRID = "This is not a grid of four pictures."


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachments:
    """A job's pictures as a message shows them.

    `embed_url` is the picture that the embed shows: `attachment://name`, or a web address. `note` is a sentence on what
    is missing or smaller, and `retry_picture` says that a later try may get a picture that is missing now.
    """

    files: Sequence[File] = ()
    embed_url: str | None = None
    note: str | None = None
    retry_picture: bool = False


class AttachmentBuilder:
    """Builds `Attachments`; files are written into a folder that the caller owns."""

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

    async def for_result(self, delivery: Delivery, known: KnownJob, into: Path, why_no_file: str = "") -> Attachments:
        """The picture of a result as a file, else as a link, else a note that says why there is none.

        `why_no_file`: why Discord refused the file, as a sentence, where the delivery's fallback leaves it out.
        """
        job = known.job
        urls = picture_urls(job)
        if not urls:
            title = WORDS[job.provider].title
            missing = f"{title} returned no {_kind(job)} for this job." if _should_have_picture(job) else None
            return Attachments(note=missing)
        hidden = await self._spoilers.hidden(delivery.destination)
        if delivery.fallback is not Fallback.NONE:
            why = why_no_file or f"The {_kind(job)} could not be attached here."
            return self._linked(job, urls[0], why, hidden)
        try:
            found = await self._sources.pictures(known, delivery.destination, into)
        except PictureGone:
            return Attachments(note=_expired(job))
        except TooLarge:
            return self._linked(job, urls[0], f"The {_kind(job)} is too large to attach.", hidden)
        except PictureError as error:
            log.warning("The picture was not fetched: %s", error)
            self._update_disk_alert(into, error)
            why = f"The {_kind(job)} could not be fetched."
            return self._linked(job, urls[0], why, hidden, retry_picture=not isinstance(error, NotAllowed))
        self._update_disk_alert(into)
        return await self._fitted(delivery.destination, known, found, hidden, into)

    async def _fitted(
        self, destination: Destination, known: KnownJob, found: Found, hidden: bool, into: Path
    ) -> Attachments:
        url, pictures = picture_urls(known.job)[0], found.pictures
        limit = await self._limit(destination, len(pictures))
        try:
            fitted = [await self._pictures.fit(picture, limit=limit, into=into) for picture in pictures]
        except NoRoom as error:
            self._update_disk_alert(into, error)
            why = f"The {_kind(known.job)} could not be attached."
            return self._linked(known.job, url, why, hidden, retry_picture=True)
        except PictureError as error:  # a video, or a file that no decoder reads
            log.info("The picture cannot be made smaller: %s", error)
            if pictures[0].content_type == VIDEO:
                return self._linked(known.job, url, "The video is too large to attach.", hidden, embeddable=False)
            return self._linked(known.job, url, f"The {_kind(known.job)} is too large to attach.", hidden)
        files = _files(known, [fit.picture for fit in fitted], hidden, missing=found.missing)
        notes = (_missing(found.missing), self._note(known.job, url, pictures[0], fitted[0]))
        return Attachments(
            files=files,
            embed_url=_embed_url(files, hidden),
            note=" ".join(filter(None, notes)) or None,
            retry_picture=found.retry,
        )

    def _update_disk_alert(self, into: Path, error: PictureError | None = None) -> None:
        """Alert when the disk is full, and end the alert when there is room again for more than small pictures."""
        if isinstance(error, NoRoom):
            self._alerts.open(AlertName.PICTURE_SPACE, _NO_ROOM)
        elif error is None and self._pictures.has_room(into):
            self._alerts.close(AlertName.PICTURE_SPACE)

    def _note(self, job: Job, url: str, original: Picture, fitted: Fitted) -> str | None:
        """The note below a copy that is shown in place of the original."""
        if not fitted.smaller:
            return None
        size = f"{original.size / 1024 / 1024:.1f} MB"
        available = self._is_public(job, url) and self._is_live(url)
        link: str | None
        if fitted.still:
            note = f"This is a still: the video is too large to attach ({size})."
            link = self._link("Watch the video", url) if available else self._private_link(job, url)
        else:
            note = f"This is a smaller copy: the picture is too large to attach ({size})."
            # `⋯` shows the full size only where the link says when it expires
            listed = available and link_ends(url) is not None
            link = "Press `⋯` for full size." if listed else self._private_link(job, url)
        return f"{note} {link}" if link else note

    # --- starboard posts --------------------------------------------------------------------------------------------

    async def for_starboard(
        self, delivery: Delivery, known: KnownJob, into: Path, why_no_file: str = ""
    ) -> Attachments | None:
        """The picture from this server's own posts alone, hidden where these or the starboard hide it.

        `None` where all of them were deleted: whoever deleted them does not want it shown. A note where they are there
        without the picture, such as a video that is too large. `why_no_file` as for a result.
        """
        kind = _kind(known.job)
        if delivery.fallback is not Fallback.NONE:
            return Attachments(note=why_no_file or f"The {kind} could not be attached here.")
        try:
            copies = await self._sources.copies(known, delivery.destination, into)
            limit = await self._limit(delivery.destination, len(copies.pictures))
            fitted = [(await self._pictures.fit(each, limit=limit, into=into)).picture for each in copies.pictures]
        except PictureGone:
            return None
        except PictureError as error:
            log.warning("The picture was not copied: %s", error)
            self._update_disk_alert(into, error)
            retry = isinstance(error, NoRoom | PictureUnreachable)
            why = f"The {kind} could not be attached{_HISTORY if isinstance(error, PostNotReadable) else ''}."
            return Attachments(note=why, retry_picture=retry)
        self._update_disk_alert(into)
        if not fitted:
            return Attachments(note=f"The {kind} could not be copied from its post.")
        hidden = copies.spoiler or await self._spoilers.hidden(delivery.destination)
        files = _files(known, fitted, hidden)
        return Attachments(files=files, embed_url=_embed_url(files, hidden))

    # --- grids and previews -----------------------------------------------------------------------------------------

    async def for_split(self, delivery: Delivery, known: KnownJob, into: Path, why_no_file: str = "") -> Attachments:
        """The four pictures of a grid as four files, or a note that says why there are none."""
        if delivery.fallback is not Fallback.NONE:
            return Attachments(note=f"The four pictures could not be attached here. {why_no_file}".strip())
        hidden = await self._spoilers.hidden(delivery.destination)
        limit = await self._limit(delivery.destination, 4)
        try:
            pictures = await self._sources.grid_pictures(known, delivery.destination, into)
            if len(pictures) == 4:
                parts = [(await self._pictures.fit(each, limit=limit, into=into)).picture for each in pictures]
            else:
                parts = list(await self._pictures.split(pictures[0], limit_each=limit, into=into))
        except PictureGone:
            return Attachments(note=_expired(known.job))
        except (NotFour, IndexError):
            return Attachments(note=_NOT_A_GRID)
        except PictureError as error:
            log.warning("The picture was not split: %s", error)
            self._update_disk_alert(into, error)
            retry = not isinstance(error, FINAL_ERRORS)
            return Attachments(note="The picture could not be split right now.", retry_picture=retry)
        self._update_disk_alert(into)
        return Attachments(files=[_file(known, picture, number, hidden, of=4) for number, picture in enumerate(parts)])

    async def preview(self, job: Job, destination: Destination, into: Path) -> list[File]:
        """The newest preview of a running job, attached because Midjourney deletes it; empty where it is not to be had.

        A spoiler has no preview: Discord does not hide what an embed shows.
        """
        if not job.attachments or await self._spoilers.hidden(destination):
            return []
        try:
            async with asyncio.timeout(_PREVIEW_SECONDS):  # it takes a download slot that results wait for
                picture = await self._pictures.fetch(job.attachments[0].url, into=into, limit=_PREVIEW_LIMIT)
                small = await self._pictures.thumbnail(picture, edge=_PREVIEW_EDGE, into=into)
        except (PictureError, TimeoutError):
            return []
        if small.extension not in _EMBEDDABLE:
            return []
        return [File(picture=small, name=f"preview.{small.extension}", description=f"A preview of the {_kind(job)}.")]

    # --- links and limits -------------------------------------------------------------------------------------------

    async def _limit(self, destination: Destination, files: int) -> int:
        """Bytes that each of this many files may have in a message to this destination."""
        limit = await self._store.servers.file_limit(destination.guild_id) or UPLOAD_LIMIT
        return min(limit, REQUEST_LIMIT // max(files, 1))

    def _linked(
        self, job: Job, url: str, why: str, hidden: bool, *, embeddable: bool = True, retry_picture: bool = False
    ) -> Attachments:
        """The picture as a link after `why`, and in the embed unless it is hidden or not `embeddable`."""
        if not self._pictures.is_allowed(url):
            return Attachments(note=f"The {_kind(job)} is on a host that is not on this bot's allow-list.")
        if not self._is_public(job, url) or not self._is_live(url):
            link = self._private_link(job, url)
            return Attachments(note=f"{why} {link}" if link else why, retry_picture=retry_picture)
        if hidden or not embeddable or url.partition("?")[0].lower().endswith(".mp4"):
            link = self._link("Open it", url)
            return Attachments(note=f"{why} {link}" if link else why, retry_picture=retry_picture)
        until = link_ends(url)
        expires = "within a day" if until is None else format_dt(until, "R")
        note = f"{why} This is a link that expires {expires}."
        return Attachments(embed_url=url, note=note, retry_picture=retry_picture)

    def _link(self, text: str, url: str) -> str | None:
        """A sentence that is a link and says how long it works; `None` for an address that Discord would not link."""
        link, until = formatting.link(text, url), link_ends(url)
        if link == text:
            return None
        return f"{link}." if until is None else f"{link} (works until {format_dt(until, 'f')})."

    def _private_link(self, job: Job, url: str) -> str | None:
        """Where those who may see it find an address that identifies the account's owner."""
        listed = any(attachment.url == url for attachment in job.attachments[:1]) and link_ends(url) is not None
        return _PRIVATE_LINK if listed and names_the_payer(url) and self._is_live(url) else None

    def _is_public(self, job: Job, url: str) -> bool:
        """Whether everybody may see the address: some identify the account's owner."""
        private = names_the_payer(url) or any(media.url == url for media in (*job.image_ux, *job.video_ux))
        return self._pictures.is_allowed(url) and not private

    def _is_live(self, url: str) -> bool:
        until = link_ends(url)
        return until is None or until > self._now()


def _kind(job: Job) -> str:
    return "video" if formatting.is_video(job) else "picture"


def _expired(job: Job) -> str:
    return f"The {_kind(job)} is no longer available: such links expire after a day."


def _missing(numbers: Sequence[int]) -> str | None:
    """The note below a grid with empty quarters."""
    if not numbers:
        return None
    *others, last = map(str, numbers)
    which = f"Pictures {', '.join(others)} and {last}" if others else f"Picture {last}"
    return f"{which} of four could not be fetched."


def _should_have_picture(job: Job) -> bool:
    """Whether a picture is missing from a result without one; describe and seed jobs need none."""
    return job.status == Status.COMPLETED and job.verb not in SEED_VERBS | {"describe"}


def _files(known: KnownJob, pictures: Sequence[Picture], hidden: bool, *, missing: Sequence[int] = ()) -> list[File]:
    """The files of one picture, or of those of four that are not `missing`, by their numbers (1-4)."""
    of = 4 if len(pictures) > 1 and len(known.job.image_ux) == 4 else 1
    numbers = [number for number in range(4) if of == 1 or number + 1 not in missing]
    return [_file(known, picture, number, hidden, of=of) for number, picture in zip(numbers, pictures, strict=False)]


def _embed_url(files: Sequence[File], hidden: bool) -> str | None:
    """The address of the file that the embed shows, if it shows one."""
    in_embed = len(files) == 1 and not hidden and files[0].picture.extension in _EMBEDDABLE
    return f"attachment://{files[0].name}" if in_embed else None


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
