"""The exceptions by which a request to Discord fails; any other one is a bug of ours and must not be read as that."""

import json

import aiohttp
import discord

UNANSWERED = (
    aiohttp.ClientError,  # not a DiscordException
    OSError,  # TimeoutError is a subclass
    json.JSONDecodeError,
    discord.RateLimited,
)
"""Discord did not answer, or not in time, or its answer cannot be read: what it did is not known."""

REQUEST_ERRORS = (*UNANSWERED, discord.HTTPException, discord.InvalidData)
"""Discord did not answer, or refused, or described something that discord.py does not know."""
