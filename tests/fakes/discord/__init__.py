"""A fake Discord on a loopback socket: REST, gateway and the people who use it.

It models what the bot uses and no more: a route that is not modelled answers 501 and is written down in `violations`,
as is every body that Discord would refuse. Where Discord's OpenAPI file is present, it validates both directions.

    async with FakeDiscord() as discord:
        channel = discord.add_channel(discord.add_guild("Ink"))
        mira = discord.add_member(discord.guild_of(channel), "Mira")
        …start a bot with discord.token and discord.api_url…
        await discord.wait_ready()
        answer = await (await discord.slash(channel, mira, "job", {"jobid": "…"})).answered()
"""

from tests.fakes.discord.control import RemoteFakeDiscord
from tests.fakes.discord.interactions import Answer, Interaction
from tests.fakes.discord.messages import Message
from tests.fakes.discord.server import FakeDiscord

__all__ = ["Answer", "FakeDiscord", "Interaction", "Message", "RemoteFakeDiscord"]
