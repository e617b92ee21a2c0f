"""Logging in to Discord with a sentence for each failure."""

import aiohttp
import discord

from bot.errors import DiscordStartError

LOGIN_REFUSED = "Discord does not accept DISCORD_TOKEN. Reset it in the Developer Portal and copy the new one."


async def log_in(client: discord.Client, token: str) -> None:
    """Log a client in; raises `DiscordStartError`."""
    try:
        await client.login(token)
    except discord.LoginFailure:
        raise DiscordStartError(LOGIN_REFUSED) from None
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
