"""A message ready to be sent, and its files."""

from collections.abc import Sequence
from dataclasses import dataclass

import discord
import msgspec
from discord import ui

from bot.images import Picture
from bot.models import Job

PICTURE_RETRY_SECONDS = 600.0
"""Seconds for which the missing picture of a post is retried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Omissions:
    """What a message leaves out because Discord refused it, besides what its delivery's fallback says.

    `words`: the prompt and all titles. `why_no_file` is a sentence on why a file is left out; empty where the fallback
    alone says so.
    """

    words: bool = False
    why_no_file: str = ""


def without_words(job: Job) -> Job:
    """The job without any text that a member or Midjourney wrote."""
    seed = None if job.seed is None else msgspec.structs.replace(job.seed, content="")
    return msgspec.structs.replace(job, prompt="", content="", seed=seed, embeds=(), error="", error_details="")


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file to attach, with its name and its description for screen readers."""

    picture: Picture
    name: str
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A message ready to be sent.

    `retry_picture`: it lacks a picture, and a later try may get it. `needless`: what it is about is gone, so it is not
    to be sent.
    """

    content: str = ""
    embed: discord.Embed | None = None
    view: ui.View
    files: Sequence[File] = ()
    mentioned: Sequence[int] = ()
    reply_to: int | None = None
    silent: bool = False
    retry_picture: bool = False
    needless: bool = False

    @property
    def size(self) -> int:
        """The size of all files in bytes."""
        return sum(file.picture.size for file in self.files)
