"""The real process on an admin's day: the panel of settings, /jobs of whoever runs the bot, the menu of messages."""

import asyncio
import math
from typing import Any

from tests.crash.conftest import ProcessHarness
from tests.fakes.discord.messages import parts


class Desk:
    """Opens panels and uses them; what an answer shows now is in the message itself, which is edited in place."""

    def __init__(self, harness: ProcessHarness) -> None:
        self.harness, self.discord = harness, harness.discord

    async def opened(self, who: int, command: str, channel: int | None = None) -> Any:
        interaction = await self.discord.slash(channel or self.harness.channel, who, command)
        return self.discord.every_message[(await interaction.answered()).message_id or 0]

    async def use(self, panel: Any, who: int, what: str, *values: Any) -> str:
        """Choose `values` in the select `what`, or press the button with that label; what the panel says then."""
        custom_id = what if values else panel.button(what)
        before = panel.edited
        used = await self.discord.click(panel, who, custom_id, [str(value) for value in values] or None)

        def new_content() -> str | None:
            if used.original is None or used.original is panel:
                return (panel.text or str(panel.embeds)) if panel.edited != before else None
            return None if used.answer is None or used.answer.deferred else used.answer.content

        return str(await self.discord.wait_until(new_content, 10))


def options(panel: Any, custom_id: str) -> list[dict[str, Any]]:
    return [
        option for part in parts(panel.components, 3) if part["custom_id"] == custom_id for option in part["options"]
    ]


async def test_settings_work_for_a_large_server_and_two_admins_at_once(harness: ProcessHarness) -> None:
    discord, desk = harness.discord, Desk(harness)
    ada, ben = [discord.add_member(harness.guild, name, permissions=("MANAGE_GUILD",)) for name in ("Ada", "Ben")]
    room = [discord.add_channel(harness.guild, f"room-{number}") for number in range(500)][-1]
    role = [discord.add_role(harness.guild, f"role-{number}") for number in range(249)][-1]
    await harness.bot.start()
    await discord.wait_ready()
    discord.deny(harness.channel, "ATTACH_FILES")
    panel = await desk.opened(ada, "darkroom settings")
    assert "✓ Embed Links\n✗ Attach Files\n✓ Read Message History" in panel.text
    assert "click the cog beside the name of this channel (Edit Channel), then Permissions" in panel.text
    discord.allow(harness.channel, "ATTACH_FILES")

    await desk.use(panel, ada, "Results and pings")
    assert f"Results are posted in <#{room}>" in await desk.use(panel, ada, "dr:g:r", room)
    await desk.use(panel, ada, "Who may press")
    assert f"Moderators and <@&{role}> may use" in await desk.use(panel, ada, "dr:g:p", role)
    hers, his = [await desk.opened(who, "darkroom settings") for who in (ada, ben)]
    for whose, who in ((hers, ada), (his, ben)):
        await desk.use(whose, who, "How many jobs")
    await asyncio.gather(desk.use(hers, ada, "dr:g:c:daily", 50), desk.use(his, ben, "dr:g:c:cooldown", 60))
    await harness.bot.stop()
    before = len(discord.identifies)
    await harness.bot.start()
    await discord.wait_until(lambda: len(discord.identifies) > before, 10)
    await discord.wait_ready()
    said = await desk.use(his, ben, "Overview")
    assert "50 uses a day for each member.\n100 uses a day for the whole server.\n1 min cooldown" in said
    assert await desk.use(his, ben, "Send a test picture") == f"Test picture posted in <#{room}>. It cost nothing."
    assert len(discord.messages(room)) == 1

    discord.delete_channel(room)
    del discord.roles[harness.guild][role]
    panel = await desk.opened(ada, "darkroom settings")
    assert "⚠️ The channel for results was deleted, or is hidden from me." in panel.text
    assert "⚠️ The role that may use the buttons was deleted, so only moderators may use them." in panel.text
    jobid = harness.useapi.add_job(prompt="a boat", age=600)
    answer = await (await discord.slash(harness.channel, harness.bo, "job", {"jobid": jobid})).answered()
    assert answer.content.startswith(
        "This job has already finished. Posting it here. This server's channel for results was deleted"
    )
    await harness.picture()
    assert "Traceback" not in harness.bot.screen


async def test_whoever_runs_the_bot_sees_the_account_and_everybody_finds_their_jobs(harness: ProcessHarness) -> None:
    discord, desk = harness.discord, Desk(harness)
    discord.owner = discord.people[harness.mira]
    await harness.bot.start()
    await discord.wait_ready()
    castle, boat = [harness.useapi.add_job(prompt=prompt, duration=9000) for prompt in ("a castle", "a boat")]
    done = harness.useapi.add_job(prompt="a windmill", age=600)
    said = discord.say(harness.channel, harness.bo, f"look at `{castle}`")
    menu = "Watch Midjourney job"
    answer = await (await discord.menu(harness.channel, harness.bo, menu, said)).answered()
    assert answer.content.startswith("Watching `#")
    status_card = await discord.wait_until(lambda: next(iter(discord.messages(harness.channel)[1:]), None), 10)
    await (await discord.slash(harness.channel, harness.bo, "job", {"jobid": done})).answered()
    post = await harness.picture()
    dots = await (await discord.menu(harness.channel, harness.bo, menu, post)).answered()
    assert {"Related", "Split into four", "Show job ID"} <= {button.get("label") for button in dots.buttons}
    joined = await (await discord.menu(harness.channel, harness.mira, menu, status_card)).answered()
    assert joined.content == "I'll mention you here when it's done."

    again = await (await discord.slash(harness.channel, harness.bo, "job", {"jobid": done})).answered()
    assert again.content == "It's already posted here."
    offer = discord.every_message[again.message_id or 0]
    await discord.click(offer, harness.bo, offer.button("Post again"))
    await discord.wait_until(lambda: len(harness.pictures()) == 2, 20)

    harness.useapi.fail("queue_full", path="/v2/jobs/button")
    pressed = await discord.click(post, harness.mira, post.button("V1"))
    await discord.wait_until(lambda: pressed.answer and "queued (1st)" in pressed.answer.content, 10)
    panel = await desk.opened(harness.mira, "jobs")
    seen = panel.embeds[0]["description"]
    assert "**Queued (1 of 3)**\n- V1 of `#" in seen
    assert "**The account: 2 of 3 slots in use, 1 queued**" in seen
    (stranger,) = [option for option in options(panel, "dr:n:w") if "boat" in option["label"]]
    assert "job:" not in str(panel.components)
    text = await desk.use(panel, harness.mira, "dr:n:w", stranger["value"])
    assert text.startswith("Watching `#")
    await discord.wait_until(lambda: any("a boat" in str(m.embeds) for m in discord.messages(harness.channel)), 10)
    (press,) = options(panel, "dr:n:t")
    assert await desk.use(panel, harness.mira, "dr:n:t", press["value"]) == "Cancelled. It cost nothing."

    panel = await desk.opened(harness.bo, "jobs")
    assert "The account" not in str(panel.embeds)
    assert "windmill · done" in panel.embeds[0]["description"]
    (wait,) = options(panel, "dr:n:s")
    assert await desk.use(panel, harness.bo, "dr:n:s", wait["value"]) == "I won't notify you about it."
    await desk.use(panel, harness.bo, "Turn off my pings")
    assert "Pings: off for you." in panel.embeds[0]["description"]
    assert boat not in harness.bot.screen
    assert "Traceback" not in harness.bot.screen


async def test_an_alert_that_stood_before_a_restart_is_not_repeated_and_ends_with_it(harness: ProcessHarness) -> None:
    discord = harness.discord

    def alerts() -> list[str]:
        private = [channel.id for channel in discord.channels.values() if channel.recipient == discord.owner]
        return [message.content for channel in private for message in discord.messages(channel)]

    async def start() -> None:
        before = len(discord.identifies)
        await harness.bot.start()
        await discord.wait_until(lambda: len(discord.identifies) > before, 10)
        await discord.wait_ready()

    await start()
    jobid = harness.useapi.add_job(prompt="a lighthouse", duration=9000)
    await (await discord.slash(harness.channel, harness.bo, "job", {"jobid": jobid})).answered()
    harness.useapi.fail(402, times=math.inf)
    await discord.wait_until(alerts, 10)
    await harness.bot.stop()
    before = len(harness.useapi.requests)
    await start()
    await harness.useapi.wait_for_request(before + 2)  # the start's own request, and a poll
    await harness.bot.stop()
    assert len(alerts()) == 1
    harness.useapi.heal()
    await start()
    await discord.wait_until(lambda: len(alerts()) == 2, 10)
    assert alerts()[1] == f"✓ Over: {alerts()[0].removeprefix('⚠️ ')}"
    assert "The useapi.net subscription has ended" in alerts()[0]
