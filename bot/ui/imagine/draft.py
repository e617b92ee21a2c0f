"""What a member wrote and selected for a job of a prompt, before it is checked."""

import msgspec

from bot.models.prompt import PromptOptions


class PromptDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt, the options of `/imagine`, and the name of one of the server's presets."""

    prompt: str = ""
    options: PromptOptions = PromptOptions()
    preset: str | None = None
