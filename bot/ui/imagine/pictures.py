"""The pictures that a member attached: found in a command, a message or a prompt, read, and checked before anything
is spent.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import discord
from yarl import URL

from bot.errors import UserError
from bot.images import NoRoom, Picture, PictureError, link_ends
from bot.models import MAX_PICTURE_BYTES, InputPicture
from bot.submissions.prompt_parts import links_in
from bot.ui.imagine import picture_texts
from bot.ui.interactions import bot_of

_STORED_BYTES = 2 * 1024 * 1024  # of a picture that is sent as bytes: Midjourney reads them at some 2 million pixels
_AFTER_LINK = re.compile(r"(?:,|::-?[0-9.]*)+$")  # what a prompt may have at the end of one, such as a weight


class AttachedFile(NamedTuple):
    """A file at Discord: its name, its whole signed link, and its bytes, as far as Discord says."""

    name: str
    link: str
    size: int | None = None


def file_of(attachment: discord.Attachment) -> AttachedFile:
    """An attachment of a command or a message."""
    return AttachedFile(attachment.filename, attachment.url, attachment.size)


def files_in(interaction: discord.Interaction, prompt: str) -> list[AttachedFile]:
    """The files that were uploaded to Discord and whose links are in a prompt, each once."""
    links = dict.fromkeys(_AFTER_LINK.sub("", link) for link in links_in(prompt))
    is_attachment = bot_of(interaction).pictures.is_attachment
    return [AttachedFile(URL(link).name, link) for link in links if is_attachment(link)]


def picture_in(message: discord.Message) -> AttachedFile:
    """The first picture in a message; raises `UserError` if there is none.

    A picture that an embed shows, as in this bot's own posts, is not among the message's attachments.
    """
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    attachments = [attachment for part in parts for attachment in part.attachments]
    pictures = [each for each in attachments if (each.content_type or "").startswith("image/")]
    for attachment in pictures:
        return file_of(attachment)
    for link in (link for part in parts for link in _embedded_links(part.embeds)):
        return AttachedFile("picture", link)
    for attachment in attachments:  # what it is instead is said when it was read
        return file_of(attachment)
    raise UserError(picture_texts.NO_PICTURE)


def _embedded_links(embeds: Sequence[discord.Embed]) -> Iterator[str]:
    for embed in embeds:
        if link := embed.image.url or embed.thumbnail.url:
            yield link


def first_expiry(links: Sequence[str]) -> datetime | None:
    """When the first of these links stops working, as far as they say."""
    return min(filter(None, map(link_ends, links)), default=None)


async def read_pictures(
    interaction: discord.Interaction, files: Sequence[AttachedFile], *, as_bytes: bool
) -> tuple[InputPicture, ...]:
    """Fetch the files once and check them; with `as_bytes` the pictures hold their content.

    Raises `UserError` with what is wrong with the first file that cannot be sent. Only files that were uploaded to
    Discord are fetched, and never again: a provider without bytes gets their links.
    """
    for file in files:
        _check_claims(interaction, file)
    with ExitStack() as stack:
        folder = _temporary_folder(interaction, stack)
        reads = [_read(interaction, file, folder, as_bytes=as_bytes) for file in files]
        found = await asyncio.gather(*reads, return_exceptions=True)  # all have ended before the folder is removed
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return tuple(each for each in found if isinstance(each, InputPicture))


async def picture_problem(interaction: discord.Interaction, files: Sequence[AttachedFile]) -> str | None:
    """What is wrong with the first file that cannot be sent, as a sentence; `None` if all can."""
    try:
        await read_pictures(interaction, files, as_bytes=False)
    except UserError as error:
        return str(error)
    return None


def _check_claims(interaction: discord.Interaction, file: AttachedFile) -> None:
    """Raise `UserError` for what needs no request."""
    if not bot_of(interaction).pictures.is_attachment(file.link):
        raise UserError(picture_texts.NOT_UPLOADED)
    if file.size == 0:
        raise UserError(picture_texts.empty(file.name))
    if file.size is not None and file.size > MAX_PICTURE_BYTES:
        raise UserError(picture_texts.too_large(file.name, file.size))


def _temporary_folder(interaction: discord.Interaction, stack: ExitStack) -> Path:
    folder = bot_of(interaction).settings.data_dir / "tmp"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)  # it may have been deleted by hand
        return Path(stack.enter_context(TemporaryDirectory(dir=folder)))
    except OSError as error:
        raise UserError(picture_texts.refused("", NoRoom())) from error


async def _read(interaction: discord.Interaction, file: AttachedFile, folder: Path, *, as_bytes: bool) -> InputPicture:
    pictures = bot_of(interaction).pictures
    try:
        picture = await pictures.fetch(file.link, into=folder, limit=MAX_PICTURE_BYTES)
        if (problem := picture_texts.problem(file.name, picture)) is not None:
            raise UserError(problem)
        if not as_bytes:
            picture.path.unlink()  # a prompt may have many; no more of them are on the disk than are fetched at once
            return InputPicture(link=file.link, content_type=picture.content_type)
        picture = (await pictures.fit(picture, limit=_STORED_BYTES, into=folder)).picture
        return await asyncio.to_thread(_with_content, file.link, picture)
    except PictureError as error:
        raise UserError(picture_texts.refused(file.name, error)) from error
    except OSError as error:
        raise UserError(picture_texts.refused(file.name, NoRoom())) from error


def _with_content(link: str, picture: Picture) -> InputPicture:
    return InputPicture(link=link, content_type=picture.content_type, content=picture.path.read_bytes())
