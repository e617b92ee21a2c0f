"""How the bot comes into servers: its invite link, where it is, and what its list of servers says about that."""

from collections.abc import Collection
from typing import NamedTuple

import discord

from bot.client import PERMISSIONS
from bot.text import clean, clip

MOST = 200  # servers that are named; Discord tells of as many at once


class Server(NamedTuple):
    """A server that the bot is in; its name is a stranger's, without control characters."""

    id: int
    name: str


def invite(application_id: int) -> str:
    """The link that brings the bot into a server, with exactly the permissions that it uses."""
    return discord.utils.oauth_url(application_id, permissions=PERMISSIONS, scopes=("bot", "applications.commands"))


async def servers(client: discord.Client) -> list[Server]:
    """Where the bot is, the first 200; raises `discord.HTTPException`."""
    return [
        Server(guild.id, clip(clean(guild.name), 100))
        async for guild in client.fetch_guilds(limit=MOST, with_counts=False)
    ]


def line_to_serve(allowed: Collection[int], more: int) -> str:
    """The line for `.env` that serves one more server."""
    return f"ALLOWED_GUILDS={','.join(map(str, [*sorted(allowed), more]))}"
