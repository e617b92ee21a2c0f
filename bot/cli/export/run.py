"""Runs an export: from the jobs in the database to their posts, to the files in the folder."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import discord
import msgspec

from bot import __version__, discord_internals, formatting
from bot.cli.export.files import ExportFolder, SavedPost
from bot.cli.export.page import Export, ExportedJob, render
from bot.cli.export.saving import PostSaver
from bot.cli.login import log_in
from bot.errors import StartError
from bot.images import ImageClient
from bot.models import Destination
from bot.settings import DISCORD_API_URL
from bot.store.archive import Archive, ArchivedJob, read_archive
from bot.text import clean
from bot.ui.interactions import jump
from bot.ui.press.hidden_addresses import hide

_NO_SERVER = "The bot is not in a server with the id {guild_id}. Its id is in Discord: right-click it, Copy Server ID."


SETTINGS = ("DISCORD_TOKEN", "DATA_DIR", "IMAGE_HOSTS", "DISCORD_API_URL")
"""The settings that an export goes by."""


async def export(settings: Mapping[str, Any], guild_id: int, path: Path, say: Callable[[str], None]) -> str:
    """Export a server into a folder; return the sentences for the admin, and `say` how far it is meanwhile.

    `settings` has those of `SETTINGS` by their fields of `Settings`. Raises `StartError` where it cannot be done, or
    goes on at another time.
    """
    if settings["discord_api_url"] != DISCORD_API_URL:
        discord_internals.set_api_url(settings["discord_api_url"])
    archive = await read_archive(settings["data_dir"], guild_id)
    folder = ExportFolder(path, guild_id)
    async with (
        discord.Client(intents=discord.Intents.none()) as client,
        ImageClient(hosts=settings["image_hosts"]) as pictures,
    ):
        await log_in(client, settings["discord_token"].reveal())
        server = await _server_name(client, guild_id)
        saver = PostSaver(client, guild_id, folder, pictures, say)
        await saver.save(archive.jobs)
        saver.sweep()
        channel_ids = {post.channel_id for post in saver.posts.values()}
        channels = {channel_id: await _channel_name(client, channel_id) for channel_id in channel_ids}
    _write(folder, archive, saver, server=server, guild_id=guild_id, channels=channels)
    return _summary(folder, archive, saver)


def _summary(folder: ExportFolder, archive: Archive, saver: PostSaver) -> str:
    """What the folder holds now, and what it lacks."""
    files = [file for post in saver.posts.values() for file in post.files]
    size = sum(file.size for file in files) / 1_000_000
    lines = [
        f"Exported {_number(len(saver.posts), 'job')} with {_number(len(files), 'file')}, {size:.0f} MB. "
        f"Open {folder.path / 'index.html'} in a browser."
    ]
    if archive.as_of is not None:
        lines.append(f"The bot runs, so this is what its copy of {archive.as_of:%Y-%m-%d %H:%M} UTC knows.")
    if gone := len(archive.jobs) - len(saver.posts):
        lines.append(f"Left out: {_number(gone, 'job')} whose posts were deleted, or can't be read by the bot.")
    if saver.incomplete:
        lines.append(f"{_number(saver.incomplete, 'job')} without all pictures: the same command tries them again.")
    return "\n".join(lines)


def _write(
    folder: ExportFolder,
    archive: Archive,
    saver: PostSaver,
    *,
    server: str,
    guild_id: int,
    channels: dict[int, str],
) -> None:
    exported = Export(
        server=server,
        server_id=str(guild_id),
        exported=datetime.now(UTC),
        darkroom=__version__,
        jobs=tuple(
            _exported(job, saver.posts[job.known.key], saver.posts, channels, guild_id)
            for job in archive.jobs
            if job.known.key in saver.posts
        ),
    )
    try:
        with folder.replace("jobs.json") as file:
            file.write(msgspec.json.format(msgspec.json.encode(exported), indent=1).decode())
        with folder.replace("index.html") as file:
            file.writelines(render(exported))
    except OSError as error:
        raise StartError(f"The folder {folder.path} cannot be written: {error.strerror}.") from None


def _exported(
    job: ArchivedJob, post: SavedPost, posts: dict[str, SavedPost], channels: dict[int, str], guild_id: int
) -> ExportedJob:
    known = job.known
    return ExportedJob(
        key=known.key,
        parent=job.parent if job.parent in posts else None,
        name=formatting.label(known.job),
        prompt=hide(formatting.prompt(known.job)),
        finished=known.over_at or known.added_at,
        channel=channels[post.channel_id],
        post=jump(Destination(guild_id=guild_id, channel_id=post.channel_id), post.message_id),
        files=post.files,
    )


async def _server_name(client: discord.Client, guild_id: int) -> str:
    try:
        return clean((await client.fetch_guild(guild_id, with_counts=False)).name) or str(guild_id)
    except (discord.NotFound, discord.Forbidden):
        raise StartError(_NO_SERVER.format(guild_id=guild_id)) from None
    except (discord.HTTPException, aiohttp.ClientError, OSError):
        raise StartError("Discord could not be reached. Try again later.", temporary=True) from None


async def _channel_name(client: discord.Client, channel_id: int) -> str:
    """`#pictures`; without an answer its id."""
    try:
        name = str((await discord_internals.get_channel(client, channel_id)).get("name") or "")
    except (discord.HTTPException, aiohttp.ClientError, OSError):
        name = ""
    return f"#{clean(name) or channel_id}"


def _number(number: int, one: str) -> str:
    return f"1 {one}" if number == 1 else f"{number:,} {one}s"
