"""Saves the pictures of jobs from the bot's posts into the folder of an export."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable

import discord
import msgspec

from bot import formatting
from bot.cli.export.files import ExportedJob, ExportFolder, SavedFile, SavedPost
from bot.cli.export.posts import Posts
from bot.errors import StartError
from bot.images import ImageClient, NoRoom, PictureError
from bot.images.sniffing import VIDEO
from bot.messages.picture_sources import file_urls
from bot.models import Destination, KnownJob
from bot.store.archive import Archive, ArchivedJob
from bot.ui.interactions import jump
from bot.ui.press.hidden_addresses import hide

log = logging.getLogger(__name__)

_SPOILER = "SPOILER_"  # Discord's mark of such a file


class PostSaver:
    """Saves the pictures of jobs; `posts` are the posts that exist, by the keys of their jobs, in their order.

    `kept` are those of earlier exports whose jobs the database does not have: deleted after `KEEP_DAYS`, or younger
    than the copy that was read.
    """

    def __init__(
        self,
        client: discord.Client,
        guild_id: int,
        folder: ExportFolder,
        pictures: ImageClient,
        say: Callable[[str], None],
    ) -> None:
        self._posts = Posts(client, guild_id)
        self._guild_id = guild_id
        self._folder = folder
        self._pictures = pictures
        self._say = say
        self.posts: dict[str, SavedPost] = {}
        self.kept: list[SavedPost] = []
        self._earlier: dict[str, SavedPost] = {}
        self._taken: set[str] = set()

    @property
    def incomplete(self) -> int:
        """How many jobs have a file that could not be fetched."""
        return sum(not post.complete for post in self.posts.values())

    async def save(self, archive: Archive) -> None:
        """Save the pictures of each job from its newest post that still exists."""
        self._recall(archive)
        jobs = archive.jobs
        total = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
        waiting = [(job, 0) for job in jobs if job.known.key not in self.posts]
        while waiting:  # in each round one post of each job, the newest first
            by_channel: dict[int, dict[int, ArchivedJob]] = defaultdict(dict)
            for job, number in waiting:
                destination, message_id = job.posts[number]
                by_channel[destination.channel_id][message_id] = job
            for channel_id, messages in by_channel.items():
                async for page in self._posts.read(channel_id, messages):
                    await asyncio.gather(*(self._save(messages[message.id], message) for message in page))
                    self._say(f"{len(self.posts)} of {total}")
            waiting = [
                (job, number + 1)
                for job, number in waiting
                if job.known.key not in self.posts and number + 1 < len(job.posts)
            ]
        found = {**self._earlier, **self.posts}  # an incomplete one whose post is gone stays as it is
        self.posts = {job.known.key: found[job.known.key] for job in jobs if job.known.key in found}

    def _recall(self, archive: Archive) -> None:
        """Take what earlier exports saved, without the posts that were deleted since."""
        saved = {at: post for at, post in self._folder.saved.items() if post.message_id not in archive.deleted}
        for job in archive.jobs:
            post = saved.pop((job.known.key, job.known.added_at), None)
            if post is not None:
                exported = _exported(job, post.job.channel, post.job.post, post.job.files, earlier=post)
                self._earlier[job.known.key] = msgspec.structs.replace(post, job=exported)
        self.posts = {key: post for key, post in self._earlier.items() if post.complete}
        self.kept = list(saved.values())
        self._taken = {_stem(file.name) for post in self.kept for file in post.job.files}

    async def _save(self, job: ArchivedJob, message: discord.Message) -> None:
        known = job.known
        channel_id = message.channel.id
        earlier = self._earlier.get(known.key)
        there: dict[str, SavedFile] = {}
        if earlier is not None and earlier.message_id == message.id:  # all but what could not be fetched then
            there = {_stem(file.name): file for file in earlier.job.files}
        first = _stem(formatting.file_name(known.job, known.key, ""))
        if first in self._taken:  # by another job that had the same key
            first = f"{first}-{message.id}"
        stems = {first if number == 1 else f"{first}-{number}": url for number, url in enumerate(file_urls(message), 1)}
        found = [there.get(stem) or await self._fetch(known, url, stem) for stem, url in stems.items()]
        files = tuple(file for file in found if file is not None)
        link = jump(Destination(guild_id=self._guild_id, channel_id=channel_id), message.id)
        post = SavedPost(
            channel_id=channel_id,
            message_id=message.id,
            added=known.added_at,
            complete=len(files) == len(found),
            job=_exported(job, f"#{channel_id}", link, files, earlier=earlier),
        )
        self.posts[known.key] = post
        self._folder.note(post)

    async def _fetch(self, known: KnownJob, url: str, stem: str) -> SavedFile | None:
        """Save a file of a post; `None` where it cannot be fetched, or is on a host that is not listed."""
        try:
            picture = await self._pictures.fetch(url, into=self._folder.pictures)
        except NoRoom:
            raise StartError("The disk is full. What is in the folder is kept.") from None
        except PictureError as error:
            log.warning("A picture of #%s could not be fetched (%s)", known.key, type(error).__name__)
            return None
        name = f"{stem}.{picture.extension}"
        with self._folder.writing():
            picture.path.chmod(0o644)
            picture.path.replace(self._folder.pictures / name)
        return SavedFile(
            name=name,
            size=picture.size,
            width=picture.width,
            height=picture.height,
            video=picture.content_type == VIDEO,
            spoiler=_SPOILER in url,
        )


def _exported(
    job: ArchivedJob, channel: str, link: str, files: tuple[SavedFile, ...], *, earlier: SavedPost | None
) -> ExportedJob:
    """The job with what the database has now, which may no longer have the parent that an earlier export saw."""
    known = job.known
    return ExportedJob(
        key=known.key,
        parent=job.parent or (earlier.job.parent if earlier is not None else None),
        name=formatting.label(known.job),
        prompt=hide(formatting.prompt(known.job)),
        finished=known.over_at or known.added_at,
        channel=channel,
        post=link,
        files=files,
    )


def _stem(name: str) -> str:
    return name.rpartition(".")[0]
