"""A message ready to be sent, and the files that go with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import discord
from discord import ui

from bot.images import Picture

PICTURE_FOR = 600.0
"""Seconds for which a post that stands without its picture waits for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file to attach, with the name and the words for who cannot see it."""

    picture: Picture
    name: str
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message ready to be sent; `may_come`: it has no picture, and another try may find it."""

    content: str = ""
    embed: discord.Embed | None = None
    view: ui.View
    files: Sequence[File] = ()
    mentioned: Sequence[int] = ()
    reply_to: int | None = None
    silent: bool = False
    may_come: bool = False

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(file.picture.size for file in self.files)
