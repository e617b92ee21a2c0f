"""*What I keep about you*: a member reads it, gets it as a file, and has themselves forgotten."""

import json
from datetime import timedelta

from bot.models import SubmissionState
from tests.journeys.conftest import BotHarness, labels, private, words
from tests.journeys.test_imagine import imagine
from tests.journeys.test_my_jobs import opened


async def test_a_member_reads_what_is_kept_gets_it_as_a_file_and_is_forgotten(harness: BotHarness) -> None:
    harness.useapi.plan(duration=60)
    await imagine(harness, harness.mira, "a tower in the fog")
    await harness.wait(90)
    running = harness.useapi.add_job(prompt="a boat", duration=900)
    await harness.job(harness.mira, running, harness.lounge)

    panel = await harness.press(harness.mira, await opened(harness, harness.mira), "What I keep about you")
    assert words(panel) == (
        "**What I keep about you, in all servers of this bot**\n"
        "- 2 watched jobs, 1 of them not posted yet\n"
        "- 1 prompt or press\n"
        "\nA job and all about it is deleted 90 days after its last use."
    )
    assert labels(panel) == [["Download it", "Forget me…", "Back to /jobs"]]
    answer = await harness.mira.click(panel, custom_id="dr:me:f")
    (sent,) = answer.followups
    assert sent.ephemeral
    (file,) = sent.message.attachments
    content = harness.bytes_of(file)
    assert content is not None
    kept = json.loads(content)
    assert [each["prompt"] for each in kept["submissions"]] == ["a tower in the fog"]
    assert [each["how"] for each in kept["subscriptions"]] == ["job_id", "press"]
    assert kept["user"] == str(harness.mira.id)
    assert not [jobid for jobid in harness.provider.jobids if jobid in content.decode()]

    question = await harness.press(harness.mira, panel, "Forget me…")
    assert "What you're still waiting for is finished and posted first" in words(question)
    panel = await harness.press(harness.mira, question, "Cancel")
    assert "2 watched jobs" in words(panel)
    question = await harness.press(harness.mira, panel, "Forget me…")
    await harness.restart()
    answer = await harness.press(harness.mira, question, "Forget me")
    assert words(answer).startswith("You asked me to forget you <t:")
    assert labels(answer) == [["Back to /jobs"]]
    assert "tower" not in words(await harness.press(harness.mira, answer, "Back to /jobs"))

    await harness.wait(1000)
    assert "boat" in str(harness.posts(harness.lounge)[-1].embeds[0].description)
    await harness.suspend(timedelta(days=1).total_seconds())
    await harness.wait(600)
    panel = await harness.press(harness.mira, await opened(harness, harness.mira), "What I keep about you")
    assert words(panel) == "I keep nothing about you."
    rows = await harness.rows("SELECT user_id, user_name, prompt, state FROM submissions")
    assert rows == [(0, "", "", SubmissionState.ACCEPTED)]


async def test_nothing_is_kept_about_who_never_used_the_bot(harness: BotHarness) -> None:
    panel = private(await harness.bo.click(await opened(harness, harness.bo), custom_id="dr:me"))
    assert words(panel) == "I keep nothing about you."
    assert labels(panel) == [["Back to /jobs"]]
