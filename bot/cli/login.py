"""Logging in to Discord with a sentence for each failure, and the client of the commands that run beside the bot."""

import aiohttp
import discord

from bot import discord_internals
from bot.errors import DiscordStartError

LOGIN_REFUSED = "Discord does not accept DISCORD_TOKEN. Reset it in the Developer Portal and copy the new one."
_NOT_DISCORD = "Something else answers at Discord's address. Is a proxy or a firewall in between?"


def rest_client(api_url: str, trace: aiohttp.TraceConfig | None = None) -> discord.Client:
    """A client for requests alone, to Discord's API at `api_url`; `trace` follows all of them."""
    discord_internals.expect_unreadable_data()
    discord_internals.set_api_url(api_url)
    return discord.Client(intents=discord.Intents.none(), http_trace=trace or aiohttp.TraceConfig())


async def log_in(client: discord.Client, token: str) -> None:
    """Log a client in; raises `DiscordStartError`."""
    try:
        await client.login(token)
    except discord.LoginFailure:
        raise DiscordStartError(LOGIN_REFUSED) from None
    except discord_internals.UnreadableAnswer:
        raise DiscordStartError(_NOT_DISCORD, temporary=True) from None
    except (aiohttp.ClientConnectionError, OSError):
        raise DiscordStartError(
            "Discord could not be reached. Is this machine on the internet?", temporary=True
        ) from None
    except discord.HTTPException as error:
        if error.status == 401:  # the token was reset between the login and the sync of the commands
            raise DiscordStartError(LOGIN_REFUSED) from None
        raise DiscordStartError(
            f"Discord refused the start (HTTP {error.status}). Try again later.", temporary=True
        ) from None


def is_served_elsewhere(client: discord.Client) -> bool:
    """Whether Discord sends the interactions to a URL, so that none arrives at the gateway; the client is logged in."""
    return client.application is not None and bool(client.application.interactions_endpoint_url)
