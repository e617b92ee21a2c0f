"""A press on a job's button: who may, what the provider is asked, and how the child comes home."""

import asyncio
from typing import Any

import discord
import pytest

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, both_providers, button, either_provider, labels, private, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"
MINUTE = 60
ONLY_MODERATORS = "Only moderators can use this button: it uses GPU time."


async def posted(harness: BotHarness, **options: Any) -> tuple[str, discord.Message]:
    """A finished job that stands in the channel: its id, and the message."""
    jobid = harness.provider.add_job(**{"prompt": CASTLE, "age": 600, **options})
    await harness.job(harness.mira, jobid)
    return jobid, harness.last


async def confirmed(harness: BotHarness, who: Any, post: discord.Message, label: str) -> discord.Message:
    """`who` presses a button, and says yes where that is asked; the private answer."""
    answer = await harness.press(who, post, label)
    return await harness.press(who, answer, "Run it") if answer.components else answer


@either_provider
async def test_a_press_is_answered_and_written_down_before_the_provider_is_asked(harness: BotHarness) -> None:
    parent, grid = await posted(harness)
    press = asyncio.create_task(harness.press(harness.mira, grid, "U1"))
    post = await harness.provider.wait_for_request(path=harness.provider.submissions)
    answers = [request.json for request in harness.env.http_requests if request.path.endswith("/callback")]
    assert answers[-1]["data"]["content"] == "On it: U1."
    ((reference, *what),) = await harness.rows("SELECT reference, button, user_id FROM submissions")
    assert what == ["U1", harness.mira.id]
    assert harness.provider.submitted() == [(parent, "U1", reference)]
    assert len(post.json) == 3, "nothing else is said"
    assert words(await press) == "U1 is on its way. I'll post it here."


async def test_a_press_that_became_a_job_is_remembered_as_such(harness: BotHarness) -> None:
    await posted(harness)
    await harness.press(harness.mira, harness.last, "U1")
    assert await harness.rows("SELECT state, error, child_id FROM submissions") == [("accepted", "", 2)]


@either_provider
async def test_the_childs_result_answers_the_parents_picture_and_names_the_presser(harness: BotHarness) -> None:
    _, grid = await posted(harness)
    await harness.press(harness.mira, grid, "U1")
    assert len(harness.posts()) == 1
    await harness.wait(17)
    _, child = harness.posts()
    assert child.reference is not None
    assert child.reference.message_id == grid.id
    assert words(child).startswith(f"**U1** of [castle in the fog]({harness.jump(grid)})\n> a castle in the fog")
    assert str(child.embeds[0].footer.text).startswith("Mira · ")
    assert child.content == ""
    assert len(child.attachments) == 1


@only_long
async def test_a_child_that_is_done_soon_has_no_status_card(harness: BotHarness) -> None:
    _, grid = await posted(harness)
    for label in ("U1", "U2", "U3", "U4"):
        await harness.press(harness.mira, grid, label)
        before = len(harness.posts())
        await harness.wait(60)
        assert len(harness.posts()) == before + 1
    assert all(post.embeds for post in harness.posts())


@either_provider
async def test_a_child_that_still_runs_after_the_first_poll_gets_a_status_card_with_its_lineage(
    harness: BotHarness,
) -> None:
    _, grid = await posted(harness)
    harness.provider.plan(duration=100)
    answer = await harness.press(harness.mira, grid, "V1")
    await harness.wait(14)
    assert len(harness.posts()) == 1
    assert answer.id in harness.env.backend.messages[harness.channel.id]
    await harness.wait(6)
    assert answer.id not in harness.env.backend.messages[harness.channel.id], "the card says more"
    _, status_card = harness.posts()
    lineage = f"**V1** of [castle in the fog]({harness.jump(grid)})"
    assert words(status_card).startswith(lineage)
    assert labels(status_card) == [["🔔 Notify me", "Stop"]]
    await harness.wait(100)
    _, child = harness.posts()
    assert words(child).startswith(f"<@{harness.mira.id}>\n{lineage}")
    assert child.reference is not None
    assert child.reference.message_id == grid.id


@only_long
@either_provider
async def test_a_grandchild_can_be_made_from_a_child(harness: BotHarness) -> None:
    _, grid = await posted(harness)
    await harness.press(harness.mira, grid, "U1")
    await harness.wait(17)
    single = harness.last
    await harness.press(harness.mira, single, "Vary (Strong)")
    await harness.wait(60)
    assert words(harness.last).startswith(f"**Vary (Strong)** of [castle in the fog]({harness.jump(single)})")


async def test_a_child_that_is_over_when_useapi_answers_is_posted_at_once(harness: BotHarness) -> None:
    _, grid = await posted(harness)
    harness.provider.plan(duration=0)
    await harness.press(harness.mira, grid, "U1")
    assert words(harness.last).startswith("**U1** of ")


@both_providers
async def test_the_provider_gets_the_exact_button(harness: BotHarness) -> None:
    exact = ["🔄", "⬅️", "Upscale (Subtle)", "Zoom Out 1.5x", "Animate (High motion)"]
    for label in exact:
        buttons = ["🔄"] if label == "🔄" else None
        parent = harness.provider.add_job(prompt="a castle", age=900)
        _, single = await posted(harness, button="U1", parent=parent, buttons=buttons)
        harness.provider.plan(duration=0)
        await confirmed(harness, harness.mira, single, label)
        await harness.wait(1)
    assert [press.button for press in harness.provider.submitted()] == exact


@only_long
async def test_a_label_that_nobody_knows_is_a_button_too_and_is_sent_whole(harness: BotHarness) -> None:
    long = "Enhance ✨ " + "ever so slightly " * 8
    _, result = await posted(harness, buttons=["U1", "Enhance ✨", long.strip()])
    assert labels(result)[0] == ["U1"]
    assert labels(result)[1][0] == "Enhance ✨"
    clipped = labels(result)[1][1]
    assert len(clipped) == 80
    assert clipped.endswith("…")
    for label in ("Enhance ✨", clipped):
        assert "is on its way" in words(await confirmed(harness, harness.mira, result, label))
    assert [press.button for press in harness.provider.submitted()] == ["Enhance ✨", long.strip()]


async def test_buttons_that_want_more_than_a_press_are_not_shown(harness: BotHarness) -> None:
    parent = harness.provider.add_job(prompt="a castle", age=900)
    _, single = await posted(harness, prompt="a castle", button="U1", parent=parent)
    assert labels(single) == [
        ["Upscale (Subtle)", "Upscale (Creative)", "Vary (Subtle)", "Vary (Strong)"],
        ["Zoom Out 2x", "Zoom Out 1.5x", "Custom Zoom"],
        ["⬅️", "➡️", "⬆️", "⬇️"],
        ["Animate (High motion)", "Animate (Low motion)", "⋯"],
    ]


# --- who may ----------------------------------------------------------------------------------------------------------


async def test_a_plain_member_gets_one_sentence_and_nothing_is_pressed(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(prompt=CASTLE, age=600)
    await harness.job(harness.bo, jobid)
    assert words(await harness.press(harness.bo, harness.last, "V1")) == ONLY_MODERATORS
    await harness.wait(60)
    assert not harness.provider.submitted()
    assert not await harness.rows("SELECT * FROM submissions")
    assert len(harness.posts()) == 1


async def test_moderators_of_this_channel_may_press_here_only(harness: BotHarness) -> None:
    keeper = harness.guild.add_member(harness.env.create_user("Kit"))
    allowed = discord.PermissionOverwrite(manage_messages=True)
    attachments = harness.guild.create_text_channel("gallery", overwrites={keeper: allowed})
    jobid = harness.provider.add_job(prompt=CASTLE, age=600)
    for channel in (attachments, harness.channel):
        await harness.job(keeper, jobid, channel)
    assert words(await harness.press(keeper, harness.posts()[0], "V1")) == ONLY_MODERATORS
    assert "is on its way" in words(await harness.press(keeper, harness.posts(attachments)[0], "V1"))


@only_long
async def test_a_moderator_with_ten_running_jobs_waits_before_pressing(harness: BotHarness) -> None:
    await harness.restart(poll_seconds=300)
    _, grid = await posted(harness)
    for nth in range(10):
        await harness.job(harness.mira, harness.provider.add_job(duration=3600))
        if nth == 4:
            await harness.wait(61)
    assert "You're already watching 10 running jobs." in words(await harness.press(harness.mira, grid, "U1"))
    assert not harness.provider.submitted()


# --- what useapi may say ----------------------------------------------------------------------------------------------


@either_provider
async def test_a_used_button_leads_to_the_child_that_is_posted_here(harness: BotHarness) -> None:
    _, grid = await posted(harness)
    before = str(button(grid, "U1").custom_id)
    await harness.press(harness.mira, grid, "U1")
    await harness.wait(25)
    grid, child = harness.posts()
    assert button(grid, "U1 ↗").url == harness.jump(child)
    answer = await harness.press(harness.mira, harness.forge(before), "Forged")
    assert words(answer).startswith("U1 was already picked, so this was free")
    assert words(answer).endswith(f": [see it here]({harness.jump(child)})")
    await harness.wait(60)
    assert len(harness.provider.submitted()) == 1


async def test_a_button_that_was_used_elsewhere_brings_the_existing_child(harness: BotHarness) -> None:
    parent, grid = await posted(harness)
    child = harness.provider.add_job(button="U1", parent=parent, duration=30)
    text = words(await harness.press(harness.mira, grid, "U1"))
    assert text == "U1 was already picked, so this was free. I'll post it here."
    await harness.wait(50)
    assert words(harness.last).startswith(f"**U1** of [castle in the fog]({harness.jump(grid)})")
    assert harness.polls(child) >= 2
    assert await harness.rows("SELECT state FROM submissions") == [("repeated",)]


@either_provider
async def test_two_moderators_in_the_same_moment_get_one_child(harness: BotHarness) -> None:
    _, grid = await posted(harness)
    ana = harness.guild.add_member(harness.env.create_user("Ana"), roles=[harness.guild.roles["Moderators"]])
    async with harness.one_moment():
        pressed = [await who.click(grid, label="U1") for who in (harness.mira, ana)]
    assert [private(answer).content for answer in pressed] == [
        "U1 is on its way. I'll post it here.",
        "U1 was already picked, so this was free. I'll post it here.",
    ]
    assert len(harness.provider.submitted()) == 1
    await harness.wait(60)
    assert [words(post).split(" ")[0] for post in harness.posts()] == ["**Imagine**\n>", "**U1**"]


@either_provider
async def test_who_presses_what_is_being_reconciled_waits_for_the_outcome(harness: BotHarness) -> None:
    _, grid = await posted(harness)
    ana = harness.guild.add_member(harness.env.create_user("Ana"), roles=[harness.guild.roles["Moderators"]])
    harness.provider.fail("reset", path=harness.provider.submissions)
    await harness.press(harness.mira, grid, "U1")
    answer = await harness.press(ana, grid, "U1")
    assert words(answer).endswith("U1 is waiting for the outcome of an earlier press. Cancel it in `/jobs`.")
    panel = private(await ana.slash(harness.channel, "jobs"))
    assert ": waits for the earlier press of the same button" in words(panel)


@either_provider
async def test_the_same_picture_in_two_channels_shares_its_child(harness: BotHarness) -> None:
    jobid, grid = await posted(harness)
    await harness.job(harness.mira, jobid, harness.lounge)
    (copy,) = harness.posts(harness.lounge)
    await harness.press(harness.mira, grid, "U1")
    await harness.press(harness.mira, copy, "U1")
    await harness.wait(30)
    for channel, parent in ((harness.channel, grid), (harness.lounge, copy)):
        *_, child = harness.posts(channel)
        assert child.reference is not None
        assert child.reference.message_id == parent.id
        assert words(child).startswith(f"**U1** of [castle in the fog]({harness.jump(parent)})")


@either_provider
async def test_a_press_at_a_full_account_is_kept_and_sent_when_a_job_ends(harness: BotHarness) -> None:
    _, grid = await posted(harness)
    for _ in range(harness.provider.slots):
        harness.provider.add_job(duration=60)
    answer = await harness.press(harness.mira, grid, "V1")
    assert words(answer).endswith("V1 is queued (1st). Cancel it in `/jobs`.")
    assert await harness.rows("SELECT state, child_id FROM submissions") == [("queued", None)]
    await harness.wait(61)
    assert await harness.rows("SELECT state FROM submissions") == [("accepted",)]
    await harness.wait(60)
    assert words(harness.last).startswith("**V1** of ")


async def test_a_press_that_midjourney_declines_is_answered_to_the_presser_alone(harness: BotHarness) -> None:
    _, grid = await posted(harness)
    harness.provider.plan(ends="moderated", duration=0)
    text = words(await harness.press(harness.mira, grid, "V1"))
    assert text.startswith("Midjourney declined this one.\n**Banned prompt detected**\nThe word ")
    await harness.wait(60)
    assert len(harness.posts()) == 1
    assert await harness.rows("SELECT state FROM submissions") == [("declined",)]


@both_providers
@pytest.mark.parametrize(
    "plan",
    [
        pytest.param({"echoed_after": 12.0}, id="its reference is late", marks=only_long),
        pytest.param({"listed_as": "{} "}, id="its label has a space", marks=only_long),
        pytest.param({"listed_after": 200.0}, id="it is listed late", marks=only_long),
        pytest.param({"echoed_after": 300.0, "listed_as": ""}, id="nothing is known for five minutes"),
    ],
)
async def test_a_press_whose_answer_was_lost_is_posted_however_late_its_job_is_known(
    harness: BotHarness, plan: dict[str, Any]
) -> None:
    _, grid = await posted(harness)
    harness.provider.plan(duration=400, **plan)
    harness.provider.fail("made_reset", path=harness.provider.submissions)
    await harness.press(harness.mira, grid, "V1")
    await harness.wait(195)
    assert await harness.rows("SELECT state FROM submissions") == [
        ("lost" if max(plan.get("listed_after", 0.0), plan.get("echoed_after", 0.0)) > 180 else "accepted",)
    ]
    await harness.wait(505)
    assert await harness.rows("SELECT state FROM submissions") == [("accepted",)]
    results = [post for post in harness.posts() if "**V1** of [" in words(post)]
    assert len(results) == 1
    assert len(harness.provider.submitted()) == 1, "and nothing was sent again"


async def test_a_lost_press_that_may_have_been_declined_is_not_said_to_be_free(harness: BotHarness) -> None:
    _, grid = await posted(harness)
    harness.provider.plan(ends="moderated", duration=0, over_code=422, brief=True)
    harness.provider.fail("made_reset", path=harness.provider.submissions)
    pressed = await harness.mira.click(grid, custom_id=button(grid, "V1").custom_id)
    await harness.wait(200)
    assert "it may be yours, and it may have been charged" in private(pressed).content
    assert len(harness.provider.submitted()) == 1


@either_provider
async def test_a_press_whose_answer_discord_did_not_take_is_withdrawn_and_costs_nothing(harness: BotHarness) -> None:
    """A button, a confirmation and a form; then a Discord that does not even say whether it took the answer."""
    _, grid = await posted(harness)
    await harness.press(harness.mira, grid, "U1")
    await harness.wait(60)
    single = harness.last
    question = await harness.press(harness.mira, single, "Upscale (Subtle)")
    form = await harness.mira.click(single, custom_id=button(single, "Custom Zoom").custom_id)
    harness.env.inject_error("POST", "/interactions/*", status=503, times=None)
    for press in (
        harness.mira.click(grid, custom_id=button(grid, "V1").custom_id),
        harness.mira.click(question, custom_id=button(question, "Run it").custom_id),
        harness.mira.submit_modal(form, {"prompt": "a castle --zoom 1.5"}),
    ):
        assert (await press).response is None
        await harness.wait(MINUTE)
    withdrawn = "SELECT state, notified, interaction_token FROM submissions WHERE button <> 'U1'"
    assert await harness.rows(withdrawn) == [("cancelled", 1, "")] * 3
    harness.env.inject_error("GET", "/webhooks/*", status=503, times=None)
    await harness.mira.click(grid, custom_id=button(grid, "V2").custom_id)
    await harness.wait(14 * MINUTE)
    assert await harness.rows("SELECT state FROM submissions WHERE button = 'V2'") == [("queued",)]
    harness.env.backend.faults.clear()
    harness.env.inject_error("GET", "/webhooks/*", status=503, times=None)
    posts = len(harness.posts())
    await harness.wait(2 * MINUTE)
    assert len(harness.provider.submitted()) == 1, "U1"
    assert len(harness.posts()) == posts + 1, "one notice, where nobody knows what Mira saw"
    assert harness.last.content.startswith(
        f"<@{harness.mira.id}> Discord didn't confirm my answer to this press, so I didn't send it, and nothing was "
        "charged. Press the button again if you still want it.\n-# V2 of ["
    )
    harness.env.backend.faults.clear()
    await harness.press(harness.mira, grid, "V2")
    assert len(harness.provider.submitted()) == 2
