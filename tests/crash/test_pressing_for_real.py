"""The real process, pressed in every way: forms, questions, Cancel, Related, Split, the panels, each over sockets."""

from typing import Any

from tests.conftest import only_long
from tests.crash.conftest import ProcessHarness
from tests.crash.test_the_real_process import button

pytestmark = only_long


async def test_every_way_to_press_works_in_the_real_process(harness: ProcessHarness) -> None:
    discord = harness.discord
    boss = discord.add_member(harness.guild, "Kit", permissions=("MANAGE_MESSAGES", "MANAGE_GUILD"))
    await harness.bot.start()
    await discord.wait_ready()

    async def press(message: Any, who: int, label: str) -> Any:
        target = discord.every_message[message.message_id] if hasattr(message, "message_id") else message
        return await discord.click(target, who, button(target, label))

    async def said(interaction: Any, words: str) -> str:
        return str(
            await discord.wait_until(
                lambda: interaction.answer and words in interaction.answer.content and interaction.answer.content, 10
            )
        )

    def post_of(words: str) -> Any:
        return next(
            (m for m in harness.pictures() if words in m.embeds[0].get("description", "")),
            None,
        )

    jobid = harness.useapi.add_job(prompt="a castle in the fog", age=600)
    await (await discord.slash(harness.channel, harness.bo, "job", {"jobid": jobid})).answered()
    grid = await discord.wait_until(lambda: post_of("castle"), 10)

    # who may: the asker a U, nobody but moderators what costs, and Pause stops all
    await said(await press(grid, harness.bo, "V1"), "Only moderators can use this button: it uses GPU time.")
    panel = await (await discord.slash(harness.channel, boss, "darkroom settings")).answered()
    await (await press(panel, boss, "Pause presses")).acknowledged()
    await said(await press(grid, harness.bo, "U2"), "Buttons are paused in this server")
    await (await press(panel, boss, "Resume presses")).acknowledged()
    await said(await press(grid, harness.bo, "U2"), "U2 is on its way.")
    single = await discord.wait_until(lambda: post_of("**U2** of [castle"), 10)
    await discord.wait_until(lambda: any("U2 ↗" in str(row) for row in grid.components), 15)

    # a form, judged and then sent
    interaction = await press(single, harness.mira, "Custom Zoom")
    await interaction.acknowledged()
    await said(
        await discord.submit_modal(interaction, {"prompt": "a castle --zoom 9"}), "with a number from 1.0 to 2.0"
    )
    await said(await discord.submit_modal(interaction, {"prompt": "a castle --zoom 1.5"}), "Custom Zoom is on its way.")
    await discord.wait_until(lambda: post_of("**Custom Zoom** of"), 10)

    # a question first, then a long job that is cancelled
    harness.useapi.plan(duration=8000)
    question = await (await press(single, harness.mira, "Upscale (Subtle)")).answered()
    assert "uses GPU time" in question.content
    await said(await press(question, harness.mira, "Run it"), "Upscale (Subtle) is on its way.")
    status_card = await discord.wait_until(
        lambda: next((m for m in discord.messages(harness.channel) if "🔔" in str(m.components)), None), 20
    )
    stop = await (await press(status_card, harness.mira, "Stop")).answered()
    await said(await press(stop, harness.mira, "Cancel the job"), "Midjourney may still charge for it")

    # what is behind the dots, and the panels
    dots = await (await press(single, harness.bo, "⋯")).answered()
    related = await (await press(dots, harness.bo, "Related")).answered()
    assert f"/{grid.id})" in str(related)
    assert "Custom Zoom" in str(related)
    dots = await (await press(grid, harness.bo, "⋯")).answered()
    await (await press(dots, harness.bo, "Split into four")).answered()
    await discord.wait_until(lambda: any(len(m.files) == 4 for m in discord.messages(harness.channel)), 10)
    ledger = await (await discord.slash(harness.channel, boss, "darkroom presses")).answered()
    assert "Custom Zoom" in str(ledger)
    assert "Mira" in str(ledger)
    assert "U2" in str(await (await discord.slash(harness.channel, harness.bo, "jobs")).answered())

    # an account that is full: the press is kept, taken back, and nothing was sent
    for _ in range(3):
        harness.useapi.add_job(duration=9000)
    sent = len([request for request in harness.useapi.requests if request.path == "/v2/jobs/button"])
    await said(await press(grid, harness.mira, "V1"), "V1 is queued (1st)")
    mine = await (await discord.slash(harness.channel, harness.mira, "jobs")).answered()
    assert "V1" in str(mine)
    assert sent == 3, "U2, Custom Zoom, Upscale"

    assert await harness.bot.stop() is not None
    assert "Traceback" not in harness.bot.screen
