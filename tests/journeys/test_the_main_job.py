"""`/job`, then the wait, then the picture."""

import re
from itertools import pairwise
from urllib.parse import unquote

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, both_providers, either_provider, labels, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"


@either_provider
async def test_a_running_job_gets_a_status_card_that_names_the_job_and_its_subscribers(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(prompt=CASTLE)
    answer = await harness.job(harness.mira, jobid)
    assert re.fullmatch(r"Watching `#[2-9A-Z]{4}`\. I'll post the picture here\.", answer)
    (status_card,) = harness.posts()
    requested_at = int(harness.now())
    assert words(status_card) == f"**Imagine**\n> {CASTLE}\n\nWaiting to start · requested <t:{requested_at}:R>"
    assert status_card.embeds[0].footer.text == "Notifying Mira"
    assert labels(status_card) == [["🔔 Notify me", "Stop"]]
    assert not harness.called()


@either_provider
async def test_progress_moves_the_status_card_and_nothing_else_appears(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(prompt=CASTLE, duration=267)
    await harness.job(harness.mira, jobid)
    (first,) = harness.posts()
    lines = []
    for seconds in (85, 40, 26):
        await harness.wait(seconds)
        (status_card,) = harness.posts()
        assert status_card.id == first.id
        lines.append(words(status_card).splitlines()[-1].rpartition(" · ")[0])
    assert lines == ["`▰▱▱▱▱▱▱▱` 17% · fast", "`▰▰▰▱▱▱▱▱` 32% · fast", "`▰▰▰▱▱▱▱▱` 35% · fast"]
    assert labels(status_card) == [["🔔 Notify me", "Stop"]]


@both_providers
async def test_the_picture_comes_as_a_new_message_and_the_status_card_goes(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(prompt=CASTLE)
    key = re.findall(r"#\w{4}", await harness.job(harness.mira, jobid))[0]
    status_card = harness.last
    await harness.wait(42)
    (result,) = harness.posts()
    assert result.id != status_card.id, "an edit would call nobody"
    assert result.reference is None
    assert words(result).startswith(f"**Imagine**\n> {CASTLE}")
    assert result.embeds[0].footer.text == f"Mira · fast · 27 s · {key}"
    assert labels(result) == [["U1", "U2", "U3", "U4", "🔄"], ["V1", "V2", "V3", "V4", "⋯"]]
    assert not result.flags.suppress_notifications


async def test_the_picture_is_attached_byte_for_byte_with_words_for_who_cannot_see_it(harness: BotHarness) -> None:
    data = b"RIFF\x00\x00\x00\x00WEBP" + bytes(range(256)) * 300
    url = harness.useapi.serve_file("grid.webp", data, content_type="image/webp")
    prompt = "../../Étoile <@1> `rm -rf`, a \\night\\ sky --ar 3:2"
    jobid = harness.provider.add_job(prompt=prompt, attachments=[{"url": url, "filename": "../../etc/passwd"}])
    await harness.job(harness.mira, jobid)
    await harness.wait(42)
    (file,) = harness.last.attachments
    assert harness.bytes_of(file) == data
    assert re.fullmatch(r"imagine-etoile-1-rm-rf-[a-z0-9]{4}\.webp", file.filename)
    assert file.description == "Four pictures made with Midjourney: ../../Étoile <@1> `rm -rf`, a \\night\\ sky"
    assert harness.last.embeds[0].image.url == f"attachment://{file.filename}"


@either_provider
async def test_the_provider_gets_one_request_a_poll_and_none_after_the_end(harness: BotHarness) -> None:
    jobid = harness.provider.add_job()
    await harness.job(harness.mira, jobid)
    assert harness.polls(jobid) == 1
    await harness.wait(24)
    assert harness.polls(jobid) == 1, "hardly a picture is done so soon"
    await harness.wait(18)
    assert harness.polls(jobid) == 3
    assert len(harness.posts()) == 1
    await harness.wait(3600)
    assert harness.polls(jobid) == 3
    assert len(harness.posts()) == 1


async def test_the_picture_is_fetched_once_and_the_id_is_sent_whole(harness: BotHarness) -> None:
    jobid = harness.provider.add_job()
    await harness.job(harness.mira, jobid)
    await harness.wait(42)
    polls = [request for request in harness.useapi.requests if request.path == "/v2/jobs/"]
    pictures = [request for request in harness.useapi.requests if request.path.startswith("/attachments/")]
    assert {unquote(request.query["jobid"]) for request in polls} == {jobid}
    assert all(request.authorized for request in polls)
    assert [path_kind(request.path) for request in pictures] == ["preview", "picture"]
    assert not any(request.authorized for request in pictures), "the token is useapi's alone"


def path_kind(path: str) -> str:
    return "preview" if "_grid_0" in path else "picture"


@only_long
@either_provider
async def test_the_newest_preview_is_the_thumbnail_of_the_status_card(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(prompt=CASTLE, duration=267)
    await harness.job(harness.mira, jobid)
    previews = []
    for _ in range(7):
        await harness.wait(36)
        (status_card,) = harness.posts()
        assert len(status_card.attachments) <= 1, "old previews are replaced, not piled up"
        assert status_card.embeds[0].thumbnail.url == ("attachment://preview.webp" if status_card.attachments else None)
        previews += [attachment.id for attachment in status_card.attachments]
    assert 1 < len(set(previews)) < 7, "Midjourney shows nothing at first, and then better and better"
    await harness.wait(60)
    (result,) = harness.posts()
    assert result.attachments


@only_long
async def test_a_preview_that_cannot_be_had_is_no_reason_to_be_silent(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(prompt=CASTLE, duration=267)
    await harness.job(harness.mira, jobid)
    harness.provider.fail(404, times=3, path="/attachments/*")
    await harness.wait(140)
    assert "% · fast" in words(harness.last)
    assert harness.last.embeds[0].thumbnail.url is None


@either_provider
async def test_a_job_that_is_over_already_is_posted_at_once_without_a_status_card(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(prompt=CASTLE, age=600)
    assert await harness.job(harness.bo, jobid) == "This job has already finished. Posting it here."
    (result,) = harness.posts()
    assert words(result).startswith(f"**Imagine**\n> {CASTLE}")
    assert result.reference is None
    assert harness.polls(jobid) == 1


@either_provider
async def test_whoever_waited_longer_than_a_minute_is_called(harness: BotHarness) -> None:
    await harness.job(harness.bo, harness.provider.add_job(duration=70))
    await harness.wait(100)
    assert harness.last.content == f"<@{harness.bo.id}>"
    assert harness.called() == {harness.bo.id}


@both_providers
async def test_the_job_id_is_nowhere_in_the_channel(harness: BotHarness) -> None:
    jobid = harness.provider.add_job(duration=40)
    await harness.job(harness.mira, jobid)
    before = harness.sent()
    await harness.wait(60)
    for text in (before, harness.sent()):
        assert jobid not in text
        assert "user:12345" not in text
    assert len(harness.posts()) == 1


async def test_a_status_card_is_edited_at_most_every_five_seconds(harness: BotHarness) -> None:
    await harness.restart(poll_seconds=1)
    await harness.job(harness.mira, harness.provider.add_job(duration=20))
    texts: list[str] = []
    for _ in range(15):
        await harness.wait(1)
        texts.append(words(harness.posts()[0]))
    changes = [second for second in range(1, 15) if texts[second] != texts[second - 1]]
    assert len(changes) >= 2
    assert all(later - earlier >= 5 for earlier, later in pairwise(changes))


@only_long
async def test_a_status_card_older_than_fifty_minutes_does_not_change_and_goes_when_the_job_is_over(
    harness: BotHarness,
) -> None:
    await harness.restart(poll_seconds=300)
    await harness.job(harness.mira, harness.provider.add_job(duration=90 * 60))
    await harness.wait(50 * 60)
    (after_50_minutes,) = harness.posts()
    assert "35%" in words(after_50_minutes)
    await harness.wait(35 * 60)
    (status_card,) = harness.posts()
    assert words(status_card) == words(after_50_minutes)
    await harness.wait(15 * 60)
    (result,) = harness.posts()
    assert result.attachments


async def test_an_aside_in_the_channel_is_not_disturbed(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.provider.add_job())
    aside = await harness.bo.send(harness.channel, "what a fine day")
    await harness.wait(42)
    between, result = harness.posts()
    assert between.id == aside.id
    assert result.attachments


async def test_presses_made_elsewhere_do_not_make_an_old_job_seem_slow(harness: BotHarness) -> None:
    pressed_later = "2023-09-09T02:19:20.256Z"  # as in the sample of useapi's own page
    created, timestamp = "2023-09-09T02:04:49.667Z", "2023-09-09T02:05:24.991000+00:00"
    jobid = harness.provider.add_job(prompt=CASTLE, age=60, created=created, updated=pressed_later, timestamp=timestamp)
    await harness.job(harness.mira, jobid)
    assert " · 35 s · " in str(harness.last.embeds[0].footer.text)


@only_long
@either_provider
async def test_a_status_card_says_how_long_such_jobs_take_once_twenty_were_followed(harness: BotHarness) -> None:
    for number in range(5):
        await harness.job(harness.mira, harness.provider.add_job(prompt=f"castle {number}", duration=30 + 4 * number))
    await harness.wait(91)
    for seconds in (1, 2, 3):  # fifteen others took a little longer
        await harness.rows(f"INSERT INTO durations SELECT NULL, kind, mode, seconds + {seconds} FROM durations LIMIT 5")
    jobid = harness.provider.add_job(prompt=CASTLE)
    requested_at = int(harness.now())
    await harness.job(harness.mira, jobid)
    assert words(harness.last).endswith(
        f"requested <t:{requested_at}:R>\nUsually 30–50 s, expected <t:{requested_at + 47}:R>"
    )
