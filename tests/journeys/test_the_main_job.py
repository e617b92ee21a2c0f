"""`/job`, then the wait, then the picture."""

import re
from itertools import pairwise
from urllib.parse import unquote

import discord

from tests.journeys.conftest import Stage, labels, words

CASTLE = "a castle in the fog, ink wash --ar 3:2"


async def test_a_running_job_gets_a_card_that_says_what_is_watched_and_for_whom(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE)
    answer = await stage.job(stage.mira, jobid)
    assert re.fullmatch(r"Watching `#[2-9A-Z]{4}`: I'll post it here\.", answer)
    (card,) = stage.posts()
    asked = int(stage.now())
    assert words(card) == f"**Imagine**\n> {CASTLE}\n\nWaiting to start · asked <t:{asked}:R>"
    assert card.embeds[0].footer.text == "Mira will be told here"
    assert labels(card) == [["🔔 Tell me too", "Stop"]]
    assert not stage.called()


async def test_progress_moves_the_card_and_nothing_else_appears(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, duration=267)
    await stage.job(stage.mira, jobid)
    (first,) = stage.posts()
    shown = []
    for seconds in (85, 40, 26):
        await stage.wait(seconds)
        (card,) = stage.posts()
        assert card.id == first.id
        shown.append(words(card).splitlines()[-1].rpartition(" · ")[0])
    assert shown == ["`▰▱▱▱▱▱▱▱` 17 % · fast", "`▰▰▰▱▱▱▱▱` 32 % · fast", "`▰▰▰▱▱▱▱▱` 35 % · fast"]
    assert labels(card) == [["🔔 Tell me too", "Stop"]]


async def test_the_picture_comes_as_a_new_message_that_replies_to_the_card(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE)
    key = re.findall(r"#\w{4}", await stage.job(stage.mira, jobid))[0]
    await stage.wait(35)
    card, result = stage.posts()
    assert result.reference is not None
    assert result.reference.message_id == card.id
    assert words(result) == f"**Imagine**\n> {CASTLE}"
    assert result.embeds[0].footer.text == f"Mira · fast · 27 s · {key}"
    assert labels(result) == [["U1", "U2", "U3", "U4", "🔄"], ["V1", "V2", "V3", "V4", "⋯"]]
    assert not result.flags.suppress_notifications


async def test_the_card_shrinks_to_one_line_that_leads_to_the_picture(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt=CASTLE))
    await stage.wait(35)
    card, result = stage.posts()
    assert card.content == f"-# ✓ Imagine · castle in the fog, 27 s → [picture]({stage.jump(result)})"
    assert not card.embeds
    assert not card.components


async def test_the_picture_is_attached_byte_for_byte_with_words_for_who_cannot_see_it(stage: Stage) -> None:
    data = b"RIFF\x00\x00\x00\x00WEBP" + bytes(range(256)) * 300
    url = stage.useapi.serve_file("grid.webp", data, content_type="image/webp")
    prompt = "../../Étoile <@1> `rm -rf`, a \\night\\ sky --ar 3:2"
    jobid = stage.useapi.add_job(prompt=prompt, attachments=[{"url": url, "filename": "../../etc/passwd"}])
    await stage.job(stage.mira, jobid)
    await stage.wait(35)
    (file,) = stage.last.attachments
    assert stage.bytes_of(file) == data
    assert re.fullmatch(r"imagine-etoile-1-rm-rf-[a-z0-9]{4}\.webp", file.filename)
    assert file.description == "Four pictures made with Midjourney: ../../Étoile <@1> `rm -rf`, a \\night\\ sky"
    assert stage.last.embeds[0].image.url == f"attachment://{file.filename}"


async def test_useapi_is_asked_once_a_look_and_never_again_after_the_end(stage: Stage) -> None:
    jobid = stage.useapi.add_job()
    await stage.job(stage.mira, jobid)
    assert stage.looks(jobid) == 1
    await stage.wait(13)
    assert stage.looks(jobid) == 1
    await stage.wait(22)
    assert stage.looks(jobid) == 3
    assert len(stage.posts()) == 2
    await stage.wait(3600)
    assert stage.looks(jobid) == 3
    assert len(stage.posts()) == 2


async def test_the_picture_is_fetched_once_and_the_id_is_sent_whole(stage: Stage) -> None:
    jobid = stage.useapi.add_job()
    await stage.job(stage.mira, jobid)
    await stage.wait(35)
    looks = [request for request in stage.useapi.requests if request.path == "/v2/jobs/"]
    pictures = [request for request in stage.useapi.requests if request.path.startswith("/attachments/")]
    assert {unquote(request.query["jobid"]) for request in looks} == {jobid}
    assert all(request.authorized for request in looks)
    assert [path_kind(request.path) for request in pictures] == ["preview", "picture"]
    assert not any(request.authorized for request in pictures), "the token is useapi's alone"


def path_kind(path: str) -> str:
    return "preview" if "_grid_0" in path else "picture"


async def test_the_newest_preview_is_the_cards_thumbnail_and_goes_with_it(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, duration=267)
    await stage.job(stage.mira, jobid)
    previews = []
    for _ in range(7):
        await stage.wait(36)
        (card,) = stage.posts()
        assert len(card.attachments) <= 1, "old previews are replaced, not piled up"
        assert card.embeds[0].thumbnail.url == ("attachment://preview.webp" if card.attachments else None)
        previews += [attachment.id for attachment in card.attachments]
    assert 1 < len(set(previews)) < 7, "Midjourney shows nothing at first, and then better and better"
    await stage.wait(60)
    card, result = stage.posts()
    assert card.attachments == []
    assert card.embeds == []
    assert result.attachments


async def test_a_preview_that_cannot_be_had_is_no_reason_to_be_silent(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, duration=267)
    await stage.job(stage.mira, jobid)
    stage.useapi.fail(404, times=3, path="/attachments/*")
    await stage.wait(140)
    assert "% · fast" in words(stage.last)
    assert stage.last.embeds[0].thumbnail.url is None


async def test_a_job_that_is_over_already_is_posted_at_once_without_a_card(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt=CASTLE, age=600)
    assert await stage.job(stage.bo, jobid) == "It is over already: I'm posting it here."
    (result,) = stage.posts()
    assert words(result) == f"**Imagine**\n> {CASTLE}"
    assert result.reference is None
    assert stage.looks(jobid) == 1


async def test_whoever_waited_longer_than_a_minute_is_called(stage: Stage) -> None:
    await stage.job(stage.bo, stage.useapi.add_job(duration=70))
    await stage.wait(100)
    assert stage.last.content == f"<@{stage.bo.id}>"
    assert stage.called() == {stage.bo.id}


async def test_the_job_id_is_nowhere_in_the_channel(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=40)
    await stage.job(stage.mira, jobid)
    before = stage.sent()
    await stage.wait(60)
    for told in (before, stage.sent()):
        assert jobid not in told
        assert "user:12345" not in told
    assert len(stage.posts()) == 2


async def test_a_card_is_edited_at_most_every_five_seconds(stage: Stage) -> None:
    await stage.restart(poll_seconds=1)
    await stage.job(stage.mira, stage.useapi.add_job(duration=20))
    shown: list[str] = []
    for _ in range(15):
        await stage.wait(1)
        shown.append(words(stage.posts()[0]))
    changes = [second for second in range(1, 15) if shown[second] != shown[second - 1]]
    assert len(changes) >= 2
    assert all(later - earlier >= 5 for earlier, later in pairwise(changes))


async def test_a_card_older_than_fifty_minutes_changes_once_more_when_the_job_is_over(stage: Stage) -> None:
    await stage.restart(poll_seconds=300)
    await stage.job(stage.mira, stage.useapi.add_job(duration=90 * 60))
    await stage.wait(50 * 60)
    (after_50_minutes,) = stage.posts()
    assert "35 %" in words(after_50_minutes)
    await stage.wait(35 * 60)
    (card,) = stage.posts()
    assert words(card) == words(after_50_minutes)
    await stage.wait(15 * 60)
    card, result = stage.posts()
    assert card.content.endswith(f"1 h 30 min → [picture]({stage.jump(result)})")


async def test_an_aside_in_the_channel_is_not_disturbed(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job())
    aside = await stage.bo.send(stage.channel, "what a fine day")
    await stage.wait(35)
    card, between, result = stage.posts()
    assert isinstance(result.reference, discord.MessageReference)
    assert (between.id, result.reference.message_id) == (aside.id, card.id)


async def test_presses_made_elsewhere_do_not_make_an_old_job_look_slow(stage: Stage) -> None:
    pressed_later = "2023-09-09T02:19:20.256Z"  # as in the sample of useapi's own page
    created, shown = "2023-09-09T02:04:49.667Z", "2023-09-09T02:05:24.991000+00:00"
    jobid = stage.useapi.add_job(prompt=CASTLE, age=60, created=created, updated=pressed_later, timestamp=shown)
    await stage.job(stage.mira, jobid)
    assert " · 35 s · " in str(stage.last.embeds[0].footer.text)


async def test_a_card_says_how_long_such_jobs_take_once_twenty_were_followed(stage: Stage) -> None:
    for number in range(20):
        await stage.job(stage.mira, stage.useapi.add_job(prompt=f"castle {number}", duration=30 + number))
        if number % 5 == 4:
            await stage.wait(91)  # six /job a minute at most, and all five are seen to be over
    jobid = stage.useapi.add_job(prompt=CASTLE)
    asked = int(stage.now())
    await stage.job(stage.mira, jobid)
    assert words(stage.last).endswith(f"asked <t:{asked}:R>\nUsually 30–50 s, expected <t:{asked + 47}:R>")
