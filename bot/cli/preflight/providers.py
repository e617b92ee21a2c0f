"""Checks of the providers: addresses, tokens, Midjourney accounts, and the webhooks by which they call the bot."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from bot.cli.preflight.findings import Finding, fine, note, wrong
from bot.errors import AccountBlocked, OtherService, ProviderError, ServiceEnded, SubscriptionEnded, TokenRefused
from bot.models import ProviderName
from bot.models.provider import WORDS
from bot.provider_clients import midjourney_proxy_client, open_session, useapi_client
from bot.providers.base import Account, Cancellation, Provider
from bot.settings import callback_secret, callback_url
from bot.store.file_header import DatabaseState, read_header
from bot.store.running_jobs import running_jobs

_TIMEOUT_SECONDS = 30.0
_NO_ACCOUNT = "add one: https://useapi.net/docs/start-here/setup-midjourney"
_ADMIN_TOKEN_REFUSED = wrong(
    WORDS[ProviderName.MIDJOURNEY_PROXY].title,
    "does not accept MJ_PROXY_ADMIN_SECRET",
    "copy the server's admin token again, or leave it out: then jobs can't be cancelled",
)
_SWITCHES = {ProviderName.USEAPI: "useapi_token", ProviderName.MIDJOURNEY_PROXY: "mj_proxy_url"}
_TOKENS = {ProviderName.USEAPI: "useapi_token", ProviderName.MIDJOURNEY_PROXY: "mj_proxy_secret"}


async def check_providers(values: Mapping[str, Any], trace: aiohttp.TraceConfig) -> list[Finding]:
    """Ask each provider that is on; `trace` follows all requests."""
    async with open_session(trace) as session:
        clients: list[Provider] = []
        if values.get("useapi_token") and "useapi_url" in values:
            clients.append(useapi_client(session, url=values["useapi_url"], token=values["useapi_token"]))
        if values.get("mj_proxy_url") and values.get("mj_proxy_secret"):
            names = ("mj_proxy_url", "mj_proxy_secret", "mj_proxy_auth", "mj_proxy_admin_secret", "mj_proxy_mode")
            given = {name.removeprefix("mj_proxy_"): values[name] for name in names if name in values}
            clients.append(midjourney_proxy_client(session, **{"auth": "mj-api-secret", **given}))
        findings = await asyncio.gather(*map(_check, clients))
    return [each for found in findings for each in found]


def check_absent_providers(values: Mapping[str, Any], data_dir: Path) -> list[Finding]:
    """Name the providers that are not set up and whose jobs members still wait for."""
    try:
        ours = read_header(data_dir).found is DatabaseState.OURS
    except OSError:  # a finding of `check_database`
        return []
    if not ours or not set(_SWITCHES.values()) <= values.keys():
        return []
    return [
        note(
            WORDS[provider].title,
            f"{number} watched {'job belongs' if number == 1 else 'jobs belong'} to it, and it is not set up",
            "nothing checks them: set it up again, or have them stopped in /jobs",
        )
        for provider, number in running_jobs(data_dir).items()
        if not values[_SWITCHES[provider]]
    ]


async def _check(provider: Provider) -> list[Finding]:
    title, setting = provider.title, WORDS[provider.name].setting
    try:
        can = await provider.probe()
        running = await provider.running() if can.running else None
        accounts = await provider.accounts() if can.accounts else None
    except TokenRefused:
        return [wrong(title, f"does not accept {setting}", f"copy it again, all of it: {_where(provider.name)}")]
    except (OtherService, ServiceEnded) as error:
        ended, _, todo = error.for_admin.removeprefix(f"{title} ").partition(". ")
        return [wrong(title, ended, todo)]
    except SubscriptionEnded:
        return [wrong(title, "the subscription has ended", f"renew it at {title}")]
    except AccountBlocked as error:
        return [wrong(title, "the Midjourney account needs a person", error.for_admin)]
    except ProviderError as error:
        return [wrong(title, str(error))]
    if accounts is not None and not accounts:
        return [
            fine(title, "accepts the token"),
            wrong(title, "no Midjourney account is configured", _NO_ACCOUNT if provider.name == "useapi" else ""),
        ]
    jobs = "" if running is None else f"; {'1 job' if len(running) == 1 else f'{len(running)} jobs'} running"
    return [
        fine(title, f"accepts the token{jobs}"),
        *([_ADMIN_TOKEN_REFUSED] if can.cancel is Cancellation.ADMIN_TOKEN_REFUSED else []),
        *(_account(provider, each) for each in accounts or ()),
    ]


def _where(name: ProviderName) -> str:
    return "useapi.net, My account" if name is ProviderName.USEAPI else "the settings of your server"


def _account(provider: Provider, account: Account) -> Finding:
    """Describe an account by the end of its channel id only, so that the output may be shared."""
    name = f"the Midjourney account in channel …{account.channel[-4:]}"
    if account.needs_person:
        return wrong(provider.title, f"{name} needs a person", AccountBlocked(provider=provider.name).for_admin)
    number = account.max_jobs
    slots = "" if number is None else f", {number} {'job' if number == 1 else 'jobs'} at a time"
    return fine(provider.title, f"{name}{slots}")


async def check_webhooks(values: Mapping[str, Any]) -> list[Finding]:
    """Show the webhook URL of each provider, and check that the bot answers there."""
    if not values.get("public_url") or not values.get("webhook_port"):
        return []
    findings = [
        _webhook(provider, values["public_url"], callback_secret(values[token]), values["webhook_port"])
        for provider, token in _TOKENS.items()
        if values.get(token)
    ]
    return [each for found in await asyncio.gather(*findings) for each in found]


async def _webhook(provider: ProviderName, public_url: str, secret: str, port: int) -> list[Finding]:
    """Darkroom answers an empty call with 400."""
    url = callback_url(public_url, provider, secret)
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)) as session,
            session.post(url, json={}, allow_redirects=False) as response,
        ):
            answers = response.status == HTTPStatus.BAD_REQUEST
            response_text = f"HTTP {response.status}"
    except (aiohttp.ClientError, TimeoutError, OSError):
        answers, response_text = False, "no answer"
    title = WORDS[provider].title
    text = f"{title} may call {url} (keep this URL secret: anyone who knows it can make the bot check jobs)"
    if answers:
        return [fine("webhooks", f"{text}; the bot answers there")]
    todo = f"fine while the bot is stopped; else PUBLIC_URL does not lead to WEBHOOK_PORT {port}"
    return [fine("webhooks", text), note("webhooks", f"the bot does not answer there ({response_text})", todo)]
