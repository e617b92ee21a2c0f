"""Slash commands in private answers as mentions, which Discord makes clickable: `</jobs:123>`.

Sentences name commands in code style, `` `/jobs` ``, wherever they are written, because most of that code knows no
ids. `with_mentions` replaces those just before a private answer is sent. A command whose id is unknown, or that is
shown with its arguments, stays in code style, and so do all public posts.
"""

import re
from collections.abc import Iterable, Mapping

import discord
from discord.app_commands import AppCommand, AppCommandGroup

from bot.formatting.captions import CONTENT_LIMIT
from bot.ui.interactions import bot_of

_COMMAND = re.compile(r"`/([a-z]+(?: [a-z]+)?)`")


def mentions_of(commands: Iterable[AppCommand]) -> dict[str, str]:
    """The mention of each command that can be typed, by its full name: "jobs", "darkroom settings"."""
    mentions: dict[str, str] = {}
    for command in commands:
        subcommands = [option for option in command.options if isinstance(option, AppCommandGroup)]
        if subcommands:  # a command with subcommands cannot be used, or mentioned, by itself
            mentions |= {f"{command.name} {subcommand.name}": subcommand.mention for subcommand in subcommands}
        elif command.type is discord.AppCommandType.chat_input:
            mentions[command.name] = command.mention
    return mentions


def replace_commands(text: str, mentions: Mapping[str, str]) -> str:
    """The text with `` `/name` `` replaced by the command's mention, where it has one.

    Mentions are longer; a text that would no longer fit into a message is returned unchanged.
    """
    replaced = _COMMAND.sub(lambda match: mentions.get(match[1], match[0]), text)
    return replaced if len(replaced) <= CONTENT_LIMIT else text


def with_mentions(interaction: discord.Interaction, text: str) -> str:
    """`replace_commands` with the mentions that the interaction's bot knows."""
    return replace_commands(text, bot_of(interaction).command_mentions)
