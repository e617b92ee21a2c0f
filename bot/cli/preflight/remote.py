"""Checks of Discord and of the clock, beside those of the providers."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord

from bot import discord_internals
from bot.cli.invite import MAX_SERVERS, allowed_guilds_line, invite, joined_servers
from bot.cli.login import is_served_elsewhere, rest_client
from bot.cli.preflight.findings import Finding, fine, note, wrong
from bot.cli.preflight.providers import check_providers, check_webhooks
from bot.cli.preflight.updates import check_updates

_TIMEOUT_SECONDS = 30.0  # for each service; discord.py retries failed requests
_MAX_CLOCK_OFFSET = 60.0  # seconds


class Clock:
    """Measures how far this machine's clock is from the `Date` headers of traced responses."""

    def __init__(self) -> None:
        self.offsets: list[float] = []
        """Seconds by which this machine is ahead, one per response."""

    def trace(self) -> aiohttp.TraceConfig:
        """Return a trace for one HTTP session."""
        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(self._note)
        return trace

    async def _note(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        try:
            date = parsedate_to_datetime(end.response.headers["Date"])
        except (KeyError, ValueError):
            return
        self.offsets.append((datetime.now(UTC) - date.replace(tzinfo=date.tzinfo or UTC)).total_seconds())

    def finding(self) -> Finding:
        """Return whether the clock is right to within a minute."""
        if not self.offsets:
            return note("clock", "no response to compare it with")
        offset = min(self.offsets, key=abs)  # a slow response makes the clock appear ahead
        if abs(offset) > _MAX_CLOCK_OFFSET:
            direction = "ahead" if offset > 0 else "behind"
            todo = "let the machine set its clock (timedatectl set-ntp true)"
            return note("clock", f"{abs(offset):.0f} s {direction}", todo)
        return fine("clock", "right")


async def check_remotes(values: Mapping[str, Any]) -> list[Finding]:
    """Check the providers, Discord and the releases concurrently, as far as the settings for them are valid."""
    clock = Clock()
    providers, webhooks, on_discord, updates = await asyncio.gather(
        check_providers(values, clock.trace()), check_webhooks(values), _discord(values, clock), check_updates(values)
    )
    return [*providers, *webhooks, *on_discord, *updates, clock.finding()]


# --- Discord --------------------------------------------------------------------------------------------------------


async def _discord(values: Mapping[str, Any], clock: Clock) -> list[Finding]:
    if not {"discord_token", "discord_api_url"} <= values.keys():
        return []
    client = rest_client(values["discord_api_url"], clock.trace())
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS), client:
            await client.login(values["discord_token"].reveal())
            return [fine("Discord", f"accepts the token of {client.user}"), *await _servers(client, values)]
    except discord.LoginFailure:
        todo = "Developer Portal, your application, Bot, Reset Token; copy the new one"
        return [wrong("Discord", "does not accept DISCORD_TOKEN", todo)]
    except discord_internals.UnreadableAnswer:
        return [wrong("Discord", "something else answers at its address", "is a proxy or a firewall in between?")]
    except (TimeoutError, aiohttp.ClientConnectionError, OSError):
        return [wrong("Discord", "could not be reached", "is this machine on the internet?")]
    except discord.HTTPException as error:
        return [wrong("Discord", f"refused (HTTP {error.status})", "try again later")]


async def _servers(client: discord.Client, values: Mapping[str, Any]) -> list[Finding]:
    findings = [fine("invite", invite(client.application_id or 0))]
    if is_served_elsewhere(client):
        todo = "Developer Portal, your application, General Information; remove that URL"
        findings.append(wrong("Discord", "sends the commands to an Interactions Endpoint URL, not to the bot", todo))
    joined = await joined_servers(client)
    if not joined:
        findings.append(note("servers", "the bot is not in any yet", "open the invite link and choose yours"))
    allowed = values.get("allowed_guilds", frozenset())
    for server in joined:
        name = f"{server.name} ({server.id})"
        if allowed is None or server.id in allowed:
            findings.append(fine("servers", f"in {name}"))
        else:
            todo = f"to serve it, put into .env: {allowed_guilds_line(allowed, server.id)}"
            findings.append(note("servers", f"in {name}, which is not listed", todo))
    if allowed is not None and len(joined) < MAX_SERVERS:  # else the list may be incomplete
        findings += [
            note("servers", f"{missing} is listed, but the bot is not in it", "open the invite link")
            for missing in sorted(allowed - {server.id for server in joined})
        ]
    return findings + await _alert_channel(client, values.get("alert_channel"))


async def _alert_channel(client: discord.Client, channel_id: int | None) -> list[Finding]:
    if channel_id is None:
        return []
    try:
        await client.fetch_channel(channel_id)
    except (discord.NotFound, discord.Forbidden):
        todo = "is the id right? Can the bot view it, and send messages there?"
        return [wrong("alerts", f"the bot cannot see the channel {channel_id} (ALERT_CHANNEL)", todo)]
    except discord.InvalidData:  # a server whose details are unknown without intents
        pass
    return [fine("alerts", "the bot can see the channel for alerts")]
