"""What useapi.net and Discord say to our tokens, and by what time they go."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord

from bot import discord_internals
from bot.cli.invite import MOST, invite, line_to_serve, servers
from bot.cli.preflight.findings import Finding, fine, note, wrong
from bot.errors import AccountBlocked, ProviderError, SubscriptionEnded, TokenRefused
from bot.providers.useapi import Account, UseapiClient
from bot.settings import callback_url

_PATIENCE = 30.0  # seconds for each far end; discord.py repeats what fails
_CLOCK_OFF = 60.0  # seconds


class Clock:
    """Notes, through `trace`, how far this machine's clock is from those of the far ends."""

    def __init__(self) -> None:
        self.off: list[float] = []

    def trace(self) -> aiohttp.TraceConfig:
        """For a session; each needs one of its own."""
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
        self.off.append((datetime.now(UTC) - date.replace(tzinfo=date.tzinfo or UTC)).total_seconds())

    def finding(self) -> Finding:
        """Whether both go together, to a minute."""
        if not self.off:
            return note("clock", "nobody answered, so there is nothing to compare it with")
        off = min(self.off, key=abs)  # a slow answer makes one look later than it is
        if abs(off) > _CLOCK_OFF:
            which = "ahead" if off > 0 else "behind"
            return note(
                "clock", f"{abs(off):.0f} s {which}", "let the machine set its clock (timedatectl set-ntp true)"
            )
        return fine("clock", "right")


async def check_far_ends(values: Mapping[str, Any]) -> list[Finding]:
    """Both of them side by side, as far as the settings for them are right."""
    clock = Clock()
    useapi, push, discords = await asyncio.gather(_useapi(values, clock), _push(values), _discord(values, clock))
    return [*useapi, *push, *discords, clock.finding()]


# --- useapi.net -----------------------------------------------------------------------------------------------------


async def _useapi(values: Mapping[str, Any], clock: Clock) -> list[Finding]:
    if not {"useapi_token", "useapi_url"} <= values.keys():
        return []
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar, trace_configs=[clock.trace()]) as session:
        api = UseapiClient(session=session, url=values["useapi_url"], token=values["useapi_token"].reveal())
        try:
            running = await api.running()
            accounts = await api.accounts()
        except TokenRefused:
            return [
                wrong("useapi.net", "does not accept USEAPI_TOKEN", "copy it anew, all of it: useapi.net, My account")
            ]
        except SubscriptionEnded:
            return [wrong("useapi.net", "the subscription has ended", "renew it at useapi.net")]
        except AccountBlocked:
            return [wrong("useapi.net", "the Midjourney account waits for a person", AccountBlocked.for_admin)]
        except ProviderError as error:
            return [wrong("useapi.net", str(error))]
    if not accounts:
        todo = "add one: https://useapi.net/docs/start-here/setup-midjourney"
        return [
            fine("useapi.net", "accepts the token"),
            wrong("useapi.net", "no Midjourney account is configured", todo),
        ]
    run = "1 job runs" if len(running) == 1 else f"{len(running)} jobs run"
    return [fine("useapi.net", f"accepts the token; {run}"), *map(_account, accounts)]


def _account(account: Account) -> Finding:
    """A line that may be shown around: of the channel's id only its end."""
    name = f"the Midjourney account in channel …{account.channel[-4:]}"
    if account.waits:
        return wrong("useapi.net", f"{name} waits for a person", AccountBlocked.for_admin)
    places = "" if account.max_jobs is None else f", {account.max_jobs} jobs at a time"
    return fine("useapi.net", f"{name}{places}")


async def _push(values: Mapping[str, Any]) -> list[Finding]:
    """The address for useapi's calls, and who answers there: only Darkroom says 400 to an empty call."""
    if not all(values.get(name) for name in ("public_url", "webhook_port", "useapi_token")):
        return []
    url = callback_url(values["public_url"], values["useapi_token"])
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE)) as session,
            session.post(url, json={}, allow_redirects=False) as response,
        ):
            answers = response.status == HTTPStatus.BAD_REQUEST
            told = f"HTTP {response.status}"
    except (aiohttp.ClientError, TimeoutError, OSError):
        answers, told = False, "no answer"
    said = f"useapi.net may call {url} (a secret: whoever knows it can make the bot look at jobs)"
    if answers:
        return [fine("push", f"{said}; the bot answers there")]
    todo = f"fine while the bot is stopped; else PUBLIC_URL does not lead to WEBHOOK_PORT {values['webhook_port']}"
    return [fine("push", said), note("push", f"the bot does not answer there ({told})", todo)]


# --- Discord --------------------------------------------------------------------------------------------------------


async def _discord(values: Mapping[str, Any], clock: Clock) -> list[Finding]:
    if not {"discord_token", "discord_api_url"} <= values.keys():
        return []
    discord_internals.set_api_url(values["discord_api_url"])
    client = discord.Client(intents=discord.Intents.none(), http_trace=clock.trace())
    try:
        async with asyncio.timeout(_PATIENCE), client:
            await client.login(values["discord_token"].reveal())
            return [fine("Discord", f"accepts the token of {client.user}"), *await _places(client, values)]
    except discord.LoginFailure:
        todo = "Developer Portal, your application, Bot, Reset Token; copy it anew"
        return [wrong("Discord", "does not accept DISCORD_TOKEN", todo)]
    except (TimeoutError, aiohttp.ClientConnectionError, OSError):
        return [wrong("Discord", "could not be reached", "is this machine on the internet?")]
    except discord.HTTPException as error:
        return [wrong("Discord", f"refused (HTTP {error.status})", "try again later")]


async def _places(client: discord.Client, values: Mapping[str, Any]) -> list[Finding]:
    link = invite(client.application_id or 0)
    found = [fine("invite", link)]
    joined = await servers(client)
    if not joined:
        found.append(note("servers", "the bot is in none yet", "open the invite link, choose yours"))
    allowed = values.get("allowed_guilds", frozenset())
    for server in joined:
        name = f"{server.name} ({server.id})"
        if allowed is None or server.id in allowed:
            found.append(fine("servers", f"in {name}"))
        else:
            todo = f"to serve it, write into .env: {line_to_serve(allowed, server.id)}"
            found.append(note("servers", f"in {name}, which is not listed", todo))
    if allowed is not None and len(joined) < MOST:  # else one may be among those that were not told
        found += [
            note("servers", f"{missing} is listed, but the bot is not in it", "open the invite link")
            for missing in sorted(allowed - {server.id for server in joined})
        ]
    return found + await _alert_channel(client, values.get("alert_channel"))


async def _alert_channel(client: discord.Client, channel_id: int | None) -> list[Finding]:
    if channel_id is None:
        return []
    try:
        await client.fetch_channel(channel_id)
    except (discord.NotFound, discord.Forbidden):
        todo = "is its id right? May the bot view it, and send messages there?"
        return [wrong("alerts", f"the bot does not see the channel {channel_id} (ALERT_CHANNEL)", todo)]
    except discord.InvalidData:  # of a server whose details are not known without intents
        pass
    return [fine("alerts", "the bot sees the channel for alerts")]
