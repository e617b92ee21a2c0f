"""A prompt in code blocks, which show it as it is, can be copied on a phone, and can be read back from the message."""

import discord

_FENCE = "```"
_PER_EMBED = 4000  # characters; a description takes 4,096
_MAX_LENGTH = 5900  # all embeds of a message take 6,000; providers take prompts of 5,000


def prompt_blocks(prompt: str) -> list[discord.Embed]:
    """The embeds that hold the prompt; without one there are none. What is longer than any prompt is cut."""
    text = prompt.replace(_FENCE, "'''")[:_MAX_LENGTH]
    parts = [text[start : start + _PER_EMBED] for start in range(0, len(text), _PER_EMBED)]
    return [discord.Embed(description=f"{_FENCE}\n{part}\n{_FENCE}") for part in parts]


def prompt_in(message: discord.Message) -> str:
    """The prompt in the embeds of a message; empty where it has none."""
    blocks = (embed.description or "" for embed in message.embeds)
    return "".join(block.removeprefix(f"{_FENCE}\n").removesuffix(f"\n{_FENCE}") for block in blocks)
