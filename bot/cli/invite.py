"""The invite link, the servers the bot is in, and the `ALLOWED_GUILDS` line that serves one more."""

from collections.abc import Collection
from typing import NamedTuple

import discord

from bot.client import PERMISSIONS
from bot.text import clean, clip

MAX_SERVERS = 200  # one page of Discord's list


class Server(NamedTuple):
    """A server that the bot is in; `name` is untrusted text, without control characters."""

    id: int
    name: str


def invite(application_id: int) -> str:
    """Return the link that adds the bot to a server, with exactly the permissions that it uses."""
    return discord.utils.oauth_url(application_id, permissions=PERMISSIONS, scopes=("bot", "applications.commands"))


async def joined_servers(client: discord.Client) -> list[Server]:
    """Return the servers that the bot is in, the first 200; raises `discord.HTTPException`."""
    return [
        Server(guild.id, clip(clean(guild.name), 100))
        async for guild in client.fetch_guilds(limit=MAX_SERVERS, with_counts=False)
    ]


def allowed_guilds_line(allowed: Collection[int], added: int) -> str:
    """Return the line for `.env` that serves one more server."""
    return f"ALLOWED_GUILDS={','.join(map(str, [*sorted(allowed), added]))}"
