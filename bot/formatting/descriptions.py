"""The prompts in Midjourney's description of a picture."""

import re

from bot.formatting.captions import MASKED_LINK
from bot.formatting.labels import without_urls
from bot.models import Job

MAX_PROMPTS = 4

_NUMBER = re.compile(r"[1-9]\ufe0f?\u20e3")


def keycap(number: int) -> str:
    """The sign before a prompt of a description, 1️⃣ for 1."""
    return f"{number}\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}"


def described_prompts(job: Job) -> tuple[str, ...]:
    """The prompts of a describe job, at most four, without addresses; empty for any other job."""
    if job.verb != "describe":
        return ()
    text = "\n".join(embed.description for embed in job.embeds)
    found = (without_urls(MASKED_LINK.sub(r"\1", part)) for part in _NUMBER.split(text)[1:])
    return tuple(filter(None, found))[:MAX_PROMPTS]
