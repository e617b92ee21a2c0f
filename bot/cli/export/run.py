"""Runs an export: from the jobs in the database to their posts, to the files in the folder."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

import aiohttp
import discord
import msgspec
from msgspec.structs import replace

from bot import __version__, discord_internals
from bot.cli.export.files import ExportFolder, SavedPost
from bot.cli.export.page import Export, render
from bot.cli.export.saving import PostSaver
from bot.cli.login import log_in, rest_client
from bot.errors import StartError
from bot.images import ImageClient
from bot.store.archive import Archive, read_archive
from bot.text import clean

_NO_SERVER = "The bot is not in a server with the id {guild_id}. Its id is in Discord: right-click it, Copy Server ID."


SETTINGS = ("DISCORD_TOKEN", "DATA_DIR", "IMAGE_HOSTS", "DISCORD_API_URL")
"""The settings that an export goes by."""


async def export(settings: Mapping[str, Any], guild_id: int, path: Path, say: Callable[[str], None]) -> str:
    """Export a server into a folder; return the sentences for the admin, and `say` how far it is meanwhile.

    `settings` has those of `SETTINGS` by their fields of `Settings`. Raises `StartError` where it cannot be done, or
    goes on at another time.
    """
    archive = await read_archive(settings["data_dir"], guild_id)
    folder = ExportFolder(path, guild_id)
    async with (
        rest_client(settings["discord_api_url"]) as client,
        ImageClient(hosts=settings["image_hosts"]) as pictures,
    ):
        await log_in(client, settings["discord_token"].reveal())
        server = await _server_name(client, guild_id)
        saver = PostSaver(client, guild_id, folder, pictures, say)
        await saver.save(archive)
        posts = await _with_channels(client, [*saver.kept, *saver.posts.values()])
    _write(folder, posts, server=server, guild_id=guild_id)
    return _summary(folder, archive, saver)


async def _with_channels(client: discord.Client, posts: list[SavedPost]) -> list[SavedPost]:
    """The posts, those of the oldest jobs first, with the names that their channels have now."""
    names = {channel_id: await _channel_name(client, channel_id) for channel_id in {post.channel_id for post in posts}}
    return [
        replace(post, job=replace(post.job, channel=names[post.channel_id] or post.job.channel))
        for post in sorted(posts, key=attrgetter("added"))
    ]


def _write(folder: ExportFolder, posts: list[SavedPost], *, server: str, guild_id: int) -> None:
    keys = Counter(post.job.key for post in posts)  # one that two jobs had leads to neither
    exported = Export(
        server=server,
        server_id=str(guild_id),
        exported=datetime.now(UTC),
        darkroom=__version__,
        jobs=tuple(
            replace(post.job, parent=post.job.parent if post.job.parent and keys[post.job.parent] == 1 else None)
            for post in posts
        ),
    )
    with folder.writing():
        with folder.replace("jobs.json") as file:
            file.write(msgspec.json.format(msgspec.json.encode(exported), indent=1).decode())
        with folder.replace("index.html") as file:
            file.writelines(render(exported))
    folder.keep(posts)


def _summary(folder: ExportFolder, archive: Archive, saver: PostSaver) -> str:
    """What the folder holds now, and what it lacks."""
    posts = [*saver.kept, *saver.posts.values()]
    files = [file for post in posts for file in post.job.files]
    size = sum(file.size for file in files) / 1_000_000
    lines = [
        f"Exported {_number(len(posts), 'job')} with {_number(len(files), 'file')}, {size:.0f} MB. "
        f"Open {folder.path / 'index.html'} in a browser."
    ]
    if archive.as_of is not None:
        lines.append(f"The bot runs, so this is what its copy of {archive.as_of:%Y-%m-%d %H:%M} UTC knows.")
    if kept := len(saver.kept):
        is_in = "that is" if kept == 1 else "that are"
        lines.append(f"Kept from earlier exports: {_number(kept, 'job')} {is_in} not in the database.")
    if gone := len(archive.jobs) - len(saver.posts):
        lines.append(f"Left out: {_number(gone, 'job')} whose posts were deleted, or can't be read by the bot.")
    if saver.incomplete:
        lines.append(f"{_number(saver.incomplete, 'job')} without all pictures: the same command tries them again.")
    return "\n".join(lines)


async def _server_name(client: discord.Client, guild_id: int) -> str:
    try:
        return clean((await client.fetch_guild(guild_id, with_counts=False)).name) or str(guild_id)
    except (discord.NotFound, discord.Forbidden):
        raise StartError(_NO_SERVER.format(guild_id=guild_id)) from None
    except (discord.HTTPException, aiohttp.ClientError, OSError):
        raise StartError("Discord could not be reached. Try again later.", temporary=True) from None


async def _channel_name(client: discord.Client, channel_id: int) -> str | None:
    """`#pictures`; `None` without an answer."""
    try:
        name = clean(str((await discord_internals.get_channel(client, channel_id)).get("name") or ""))
    except (discord.HTTPException, aiohttp.ClientError, OSError):
        return None
    return f"#{name}" if name else None


def _number(number: int, one: str) -> str:
    return f"1 {one}" if number == 1 else f"{number:,} {one}s"
