"""Private answers name commands as mentions that a click opens; before their ids are known, in code style."""

from typing import Any

from tests.journeys.conftest import BotHarness, button

COMMANDS = "/applications/*/commands"
FACT = "command mentions"


async def sent(harness: BotHarness, who: Any, command: str = "jobs") -> str:
    """The private answer to a command as it was sent, its embed included."""
    message = (await who.slash(harness.channel, command)).response.message
    return "\n".join([message.content, *(str(embed.description) for embed in message.embeds)])


async def sent_after(harness: BotHarness, who: Any, label: str) -> str:
    """What the private answer to a press says in the end, as it was sent."""
    answer = await who.click(harness.last, custom_id=button(harness.last, label).custom_id)
    await harness.wait(5)
    return str(answer.response.message.content)


def mention(harness: BotHarness, command: str) -> str:
    """What Discord makes clickable, with the id that it gave to the command."""
    name = command.split()[0]
    ids = [each["id"] for each in harness.env.backend.commands[None].values() if each["name"] == name]
    return f"</{command}:{ids[0]}>"


def requests(harness: BotHarness, method: str) -> int:
    """How often the commands were sent to Discord (PUT), or fetched from it (GET)."""
    return sum(call.method == method and call.path.endswith("/commands") for call in harness.env.http_requests)


async def test_private_answers_name_commands_that_a_click_opens(harness: BotHarness) -> None:
    assert f"You aren't waiting for anything. {mention(harness, 'job')} watches a job." in await sent(
        harness, harness.bo
    )
    await harness.job(harness.mira, harness.useapi.add_job(age=600))
    await harness.bot.store.servers.change_settings(harness.guild.id, paused=True)
    assert (await sent_after(harness, harness.mira, "V1")).endswith(f"in {mention(harness, 'darkroom settings')}.")
    await harness.bot.store.servers.change_settings(harness.guild.id, paused=False)
    harness.useapi.fail(400, path="/v2/jobs/button")
    assert f"{mention(harness, 'job')} shows the job" in await sent_after(harness, harness.mira, "V1"), "edited later"


async def test_a_notice_that_everybody_reads_keeps_commands_in_code_style(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(age=600))
    harness.env.inject_error("PATCH", "/webhooks/*", status=404, code=10015)
    harness.useapi.fail(400, path="/v2/jobs/button")
    await sent_after(harness, harness.mira, "V1")
    assert "`/job` shows the job" in harness.last.content


async def test_a_command_that_is_shown_with_its_argument_stays_in_code_style(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(age=600))
    menu = await harness.press(harness.mira, harness.last, "⋯")
    deleted = await harness.mira.click(menu, custom_id=button(menu, "Delete this post").custom_id)
    assert "`/job #" in deleted.response.message.content


async def test_the_ids_of_commands_are_kept_over_a_restart(harness: BotHarness) -> None:
    before = requests(harness, "PUT")
    await harness.restart()
    assert mention(harness, "job") in await sent(harness, harness.bo)
    assert (requests(harness, "PUT"), requests(harness, "GET")) == (before, 0)


async def test_a_version_that_kept_no_ids_is_followed_by_one_that_fetches_them_once(harness: BotHarness) -> None:
    await harness.bot.store.database.transaction(lambda db: db.execute("DELETE FROM facts WHERE name = ?", (FACT,)))
    for _ in range(2):
        await harness.restart()
        assert mention(harness, "job") in await sent(harness, harness.bo)
    assert requests(harness, "GET") == 1


async def test_before_the_ids_are_known_commands_are_named_in_code_style(harness: BotHarness) -> None:
    await harness.bot.store.database.transaction(lambda db: db.execute("DELETE FROM facts WHERE name = ?", (FACT,)))
    harness.env.inject_error("GET", COMMANDS, status=404)
    await harness.restart()
    assert "You aren't waiting for anything. `/job` watches a job." in await sent(harness, harness.bo)
