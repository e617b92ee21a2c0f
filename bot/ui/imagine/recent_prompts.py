"""A member's own last prompts, as choices while they type `/imagine`.

Discord takes 100 characters in a choice, so a longer prompt goes by the row id of its submission: a claim, which
`whole_prompt` checks. A prompt is offered as it was sent, to the member alone who wrote it: with its pictures, too, and
with any address that is hidden elsewhere, because this member typed it.
"""

import re
from collections.abc import Iterable

import discord

from bot.errors import UserError
from bot.text import clip
from bot.ui.interactions import bot_of, destination_of

_READ = 100  # submissions, among which some have the same prompt
_MAX_CHOICES = 25  # Discord's limit
_MAX_LENGTH = 100  # characters of a name and of a value: Discord's limit
_END = 32  # characters of the end of a long prompt, which has its parameters
_FILE = re.compile(r"https?://[^\s?]*(/[^\s/?]+)\S*", re.IGNORECASE)  # a signed one would fill the name alone
_FILE_IN_FOLDER = re.compile(r"https?://[^\s?]*(/[^\s/?]+/[^\s/?]+)\S*", re.IGNORECASE)  # Discord's id of the upload
_VALUE = re.compile(r"recent-prompt:(\d{1,18})")
_UNKNOWN = "I don't know this prompt any more. Please write it again."


async def recent_prompts(interaction: discord.Interaction, typed: str) -> list[tuple[str, str]]:
    """Names and values for the member's own last prompts in this server that have all words of `typed`."""
    here = destination_of(interaction)
    prompts = await bot_of(interaction).store.history.prompts(interaction.user.id, here.guild_id, limit=_READ)
    return prompt_choices(prompts, typed)


def prompt_choices(prompts: Iterable[tuple[int, str]], typed: str) -> list[tuple[str, str]]:
    """Names and values for the first 25 different prompts, given with their row ids, that have all words of `typed`."""
    words = typed.replace("…", " ").casefold().split()
    choices: dict[str, str] = {}
    seen: set[str] = set()
    for submission_id, prompt in prompts:
        if len(choices) == _MAX_CHOICES:
            break
        folded = prompt.casefold()
        if prompt not in seen and all(word in folded for word in words):
            seen.add(prompt)
            name = _name(prompt, _FILE)
            if name in choices:  # phones name every upload image.png
                name = _name(prompt, _FILE_IN_FOLDER)
            choices.setdefault(name, prompt if len(prompt) <= _MAX_LENGTH else f"recent-prompt:{submission_id}")
    return list(choices.items())


def _name(prompt: str, file: re.Pattern[str]) -> str:
    """The prompt, or its beginning and its end, with what `file` finds of the addresses of files in place of them."""
    if len(prompt) <= _MAX_LENGTH:
        return prompt
    name = file.sub(r"…\1", prompt)
    return name if len(name) <= _MAX_LENGTH else f"{clip(name, _MAX_LENGTH - _END - 1)} {name[-_END:]}"


async def whole_prompt(interaction: discord.Interaction, sent: str) -> str:
    """The prompt that a choice stands for, or the one that was typed.

    Raises `UserError` if the choice is no prompt of this member in this server, or no longer.
    """
    if (choice := _VALUE.fullmatch(sent)) is None:
        return sent
    here = destination_of(interaction)
    prompt = await bot_of(interaction).store.history.prompt(int(choice[1]), interaction.user.id, here.guild_id)
    if prompt is None:
        raise UserError(_UNKNOWN)
    return prompt
