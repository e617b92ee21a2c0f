"""Stars below pictures, and the channel in which a server posts those with enough of them."""

import json
from typing import Any

import discord
import pytest

from bot.models import Spoiler
from tests import sample_pictures as samples
from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, button, labels, words
from tests.journeys.test_pictures import age_restricted

CASTLE = "a castle in the fog, ink wash"
LIVES = "?ex=7fffffff&is=66de7a80&hm=0123456789abcdef"
WEEKS = 21 * 86400


async def star(harness: BotHarness, who: Any, post: discord.Message, label: str = "⭐ Star") -> str:
    """`who` presses `⋯` below a picture, and the star in its menu; the private answer."""
    return words(await harness.press(who, await harness.press(who, post, "⋯"), label))


async def with_starboard(harness: BotHarness, stars: int = 1, **settings: Any) -> None:
    settings = {"starboard_channel": harness.lounge.id, "stars": stars, **settings}
    await harness.bot.store.servers.change_settings(harness.guild.id, **settings)


async def posted(harness: BotHarness, channel: Any = None, **job: Any) -> discord.Message:
    """The post of a job that Mira brought."""
    await harness.job(harness.mira, harness.useapi.add_job(prompt=CASTLE, age=600, **job), channel)
    return harness.posts(channel)[-1]


async def test_a_picture_with_enough_stars_is_posted_once_from_our_own_copy_and_does_not_come_back(
    harness_with_cdn: BotHarness,
) -> None:
    harness = harness_with_cdn
    await with_starboard(harness, stars=2)
    post = await posted(harness)
    await harness.restart(away=WEEKS)  # Midjourney's own links have died
    assert "⭐ Star" not in str(labels(await harness.press(harness.mira, post, "⋯"))), "it is her own"
    starboard = f"<#{harness.lounge.id}>"
    answer = await star(harness, harness.bo, post)
    assert answer == f"Starred. This picture has 1 star. With 2 stars I post it in {starboard}."
    assert not harness.posts(harness.lounge)
    ada, eve = harness.newcomer(), harness.newcomer()
    assert await star(harness, ada, post) == f"Starred. This picture has 2 stars. I'll post it in {starboard}."
    (starred,) = harness.posts(harness.lounge)
    assert starred.content == "⭐ **2**"
    assert starred.embeds[0].description == post.embeds[0].description
    assert (starred.embeds[0].footer.text or "").startswith("Mira")
    assert harness.bytes_of(starred.attachments[0]) == harness.bytes_of(post.attachments[0])
    assert button(starred, "Go to the picture").url == harness.jump(post)
    assert not harness.called()

    there = f"It's [on the starboard]({harness.jump(starred)})."
    assert await star(harness, eve, post) == f"Starred. This picture has 3 stars. {there}"
    await harness.wait(61)
    (starred,) = harness.posts(harness.lounge)
    assert (starred.content, len(starred.attachments)) == ("⭐ **3**", 1)
    assert await star(harness, eve, post, "Remove star") == "Star removed. This picture has 2 stars."
    await harness.wait(61)
    assert harness.posts(harness.lounge)[0].content == "⭐ **2**"

    refused = words(await harness.press(harness.bo, starred, "Remove"))
    assert refused == "Only whoever added this picture and moderators can remove it from the starboard."
    await harness.mira.click(starred, custom_id=button(starred, "Remove").custom_id)
    assert not harness.posts(harness.lounge)
    removed = "It was removed from the starboard, so it isn't posted there again."
    assert await star(harness, eve, post) == f"Starred. This picture has 3 stars. {removed}"
    await harness.wait(61)
    assert not harness.posts(harness.lounge)
    assert words(harness.posts()[0]) == words(post)


async def test_who_may_star_what_and_from_where(harness_with_cdn: BotHarness) -> None:
    harness = harness_with_cdn
    bo, lounge = harness.bo, f"<#{harness.lounge.id}>"
    post = await posted(harness)
    assert "⭐ Star" not in str(labels(await harness.press(bo, post, "⋯")))
    await with_starboard(harness)
    menu = await harness.press(bo, post, "⋯")

    critics = harness.guild.create_role("Critics")
    await with_starboard(harness, star_role=critics.id)
    refused = words(await harness.press(bo, menu, "⭐ Star"))
    assert refused == f"Only <@&{critics.id}> and moderators can star pictures in this server."
    harness.env.backend.delete_role(harness.guild.id, critics.id)
    assert "The role that may star pictures was deleted." in words(await harness.press(bo, menu, "⭐ Star"))
    await with_starboard(harness, star_role=None)

    age_restricted(harness, harness.channel.id)
    refused = words(await harness.press(bo, menu, "⭐ Star"))
    assert refused.startswith(f"This channel is age-restricted and {lounge} isn't")
    harness.bot.age_restrictions._cache.clear()
    age_restricted(harness, harness.channel.id, harness.lounge.id)
    harness.forbid(harness.newcomer(), "view_channel")
    refused = words(await harness.press(bo, menu, "⭐ Star"))
    assert refused.startswith(f"Not everyone who can view {lounge} can view this channel")

    harness.forbid(None, "attach_files", channel=harness.lounge)
    refused = words(await harness.press(bo, menu, "⭐ Star"))
    assert refused.startswith(f"I can't post in {lounge}, this server's starboard: I lack Attach Files there.")
    harness.env.backend.delete_channel(harness.lounge.id)
    refused = words(await harness.press(bo, menu, "⭐ Star"))
    assert refused.startswith("The channel of this server's starboard was deleted, or is hidden from me.")
    await with_starboard(harness, starboard_channel=harness.channel.id)
    assert "is the starboard itself" in words(await harness.press(bo, menu, "⭐ Star"))
    await with_starboard(harness, starboard_channel=None)
    assert words(await harness.press(bo, menu, "⭐ Star")).startswith("This server has no starboard.")
    assert await harness.rows("SELECT * FROM stars") == []


@pytest.mark.parametrize(
    "job",
    [
        {"ends": "moderated"},
        pytest.param({"ends": "failed"}, marks=only_long),
        pytest.param({"verb": "describe"}, marks=only_long),
    ],
)
async def test_what_is_no_picture_of_midjourneys_cannot_be_starred(harness: BotHarness, job: dict[str, Any]) -> None:
    await with_starboard(harness)
    post = await posted(harness, **job)
    assert "⭐ Star" not in str(labels(await harness.press(harness.bo, post, "⋯")))
    nonce = (button(post, "⋯").custom_id or "").rpartition(":")[2]
    forged = harness.forge(f"dr:st:{nonce}")
    refused = words(await harness.press(harness.bo, forged, "Forged"))
    assert refused == "Only finished pictures and videos can be starred."


async def test_the_starboard_shows_the_picture_as_its_post_does_and_none_that_was_deleted(
    harness_with_cdn: BotHarness,
) -> None:
    harness = harness_with_cdn
    await with_starboard(harness, spoiler=Spoiler.ALWAYS)
    hidden = await posted(harness)
    await with_starboard(harness, spoiler=Spoiler.NEVER)
    await star(harness, harness.bo, hidden)
    (starred,) = harness.posts(harness.lounge)
    assert starred.attachments[0].is_spoiler()
    assert starred.embeds[0].image.url is None

    harness.provider.fail(503, times=3, path="/attachments/*")
    late = await posted(harness)
    assert not late.attachments
    await star(harness, harness.bo, late)
    assert "could not be attached" in words(harness.posts(harness.lounge)[-1])
    await harness.wait(300)
    _, starred = harness.posts(harness.lounge)
    assert len(starred.attachments) == 1
    assert "could not be attached" not in words(starred)

    deleted = await posted(harness)
    menu = await harness.press(harness.bo, deleted, "⋯")
    await harness.mira.delete(deleted)
    assert words(await harness.press(harness.bo, menu, "⭐ Star")).startswith("Starred.")
    await harness.wait(60)
    assert len(harness.posts(harness.lounge)) == 2, "Midjourney's host, which has it, is not asked"
    (state,) = (await harness.rows("SELECT state FROM deliveries WHERE kind = 'starboard_post'"))[2:]
    assert state == ("dropped",)


async def test_a_starred_picture_that_is_not_posted_says_nothing_about_the_starboard(
    harness_with_cdn: BotHarness,
) -> None:
    harness = harness_with_cdn
    alerts = harness.guild.create_text_channel("alerts")
    stored = {f"channel {harness.lounge.id}": "Starred pictures cannot be posted."}
    await harness.bot.store.facts.set("alerts", json.dumps(stored))
    await harness.restart(alert_channel=alerts.id)
    await with_starboard(harness)
    deleted = await posted(harness)
    menu = await harness.press(harness.bo, deleted, "⋯")
    await harness.mira.delete(deleted)
    await harness.press(harness.bo, menu, "⭐ Star")
    await harness.wait(60)
    assert await harness.rows("SELECT state FROM deliveries WHERE kind = 'starboard_post'") == [("dropped",)]
    assert not harness.posts(alerts)
    await star(harness, harness.bo, await posted(harness))
    assert [post.content for post in harness.posts(alerts)] == ["✓ Over: Starred pictures cannot be posted."]


async def test_what_cannot_be_copied_is_refused_or_posted_with_the_way_to_it(harness_with_cdn: BotHarness) -> None:
    harness = harness_with_cdn
    await with_starboard(harness)
    post = await posted(harness)
    harness.forbid(None, "read_message_history")
    refused = await star(harness, harness.bo, post)
    assert refused.startswith("I can't copy this picture to the starboard, because I lack Read Message History here.")
    assert await harness.rows("SELECT * FROM stars") == []

    harness.forbid(None)
    messages = f"/channels/{harness.channel.id}/messages/{post.id}"
    harness.env.inject_error("GET", messages, status=403, code=50001, times=1)  # it was taken away a moment later
    await star(harness, harness.bo, post)
    (starred,) = harness.posts(harness.lounge)
    why = "The picture could not be attached, because I lack Read Message History in its channel."
    assert words(starred).endswith(why)
    await harness.wait(60)
    (starred,) = harness.posts(harness.lounge)
    assert len(starred.attachments) == 1

    await harness.bot.store.database.transaction(  # its send was never answered, and was given up
        lambda db: db.execute(
            "UPDATE deliveries SET state = 'undeliverable', message_id = NULL WHERE kind = 'starboard_post'"
        )
    )
    await harness.mira.click(starred, custom_id=button(starred, "Remove").custom_id)
    assert "It was removed from the starboard" in await star(harness, harness.newcomer(), post)
    assert not harness.posts(harness.lounge)

    data = samples.FILM + bytes(30 << 20)
    url = harness.useapi.serve_file("x.mp4", data, content_type="video/mp4") + LIVES
    film = await posted(harness, attachments=[{"url": url, "filename": "x.mp4", "content_type": "video/mp4"}])
    assert not film.attachments
    assert "I'll post it" in await star(harness, harness.bo, film)
    await harness.wait(1)
    (starred,) = harness.posts(harness.lounge)
    assert words(starred).endswith("The video could not be copied from its post.")
    assert button(starred, "Go to the picture").url == harness.jump(film)


@only_long
async def test_a_starboard_that_refuses_the_post_alerts_and_gets_it_with_the_next_star(
    harness_with_cdn: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness = harness_with_cdn
    alerts = harness.guild.create_text_channel("alerts")
    await harness.restart(alert_channel=alerts.id)
    await with_starboard(harness)
    post = await posted(harness)
    messages = f"/channels/{harness.lounge.id}/messages"
    harness.env.inject_error("POST", messages, status=403, code=50013, times=None)
    assert "I'll post it" in await star(harness, harness.bo, post)
    await harness.wait(45 * 60)
    assert "is undeliverable" in caplog.text
    (alert,) = harness.posts(alerts)
    assert f"Starred pictures cannot be posted in <#{harness.lounge.id}>" in words(alert)
    harness.env.backend.faults.clear()
    await star(harness, harness.newcomer(), post)
    (starred,) = harness.posts(harness.lounge)
    assert starred.content == "⭐ **2**"
    assert starred.attachments
    assert "Over:" in words(harness.posts(alerts)[-1])
