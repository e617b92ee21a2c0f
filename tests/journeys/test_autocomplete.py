"""What is offered while somebody types `/job`: recent jobs by their names, from the store alone."""

import re
from typing import Any

from tests.conftest import only_long
from tests.journeys.conftest import BotHarness, either_provider, key_in, words

_KEY_AND_AGE = re.compile(r" · #\w{4,8} · \d+ (s|min|h|d) ago$")


async def offered(harness: BotHarness, who: Any, typed: str = "", channel: Any = None) -> list[str]:
    """The names of the choices, without the key and the age at their ends."""
    choices = await who.autocomplete(channel or harness.channel, "job", "jobid", typed)
    return [_KEY_AND_AGE.sub("", choice["name"]) for choice in choices]


async def test_a_recent_job_is_offered_with_its_title_and_its_status(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(prompt="a castle in the fog, ink wash --ar 3:2", duration=267)
    await harness.job(harness.mira, jobid)
    assert await offered(harness, harness.mira) == ["Imagine · castle in the fog · waiting"]
    await harness.wait(85)
    assert await offered(harness, harness.mira) == ["Imagine · castle in the fog · 17%"]
    await harness.wait(215)
    assert await offered(harness, harness.mira) == ["Imagine · castle in the fog · done"]


async def test_choosing_an_offer_is_as_good_as_the_id(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(duration=267)
    key = key_in(await harness.job(harness.mira, jobid))
    await harness.wait(185)
    (choice,) = await harness.mira.autocomplete(harness.channel, "job", "jobid", "")
    assert choice["value"] == f"#{key}"
    assert choice["name"].endswith(f"% · #{key} · 3 min ago")
    assert "I'm already watching" in await harness.job(harness.mira, choice["value"])


async def test_typing_never_asks_useapi(harness: BotHarness) -> None:
    jobid = harness.useapi.add_job(duration=267)
    await harness.job(harness.mira, jobid)
    before = len(harness.useapi.requests)
    for typed in ("", "castle", jobid, "#4K7Q"):
        await offered(harness, harness.mira, typed)
    assert len(harness.useapi.requests) == before


async def test_the_newest_question_comes_first(harness: BotHarness) -> None:
    for scene in ("a river", "a lighthouse", "an old boat"):
        await harness.job(harness.mira, harness.useapi.add_job(prompt=scene, duration=600))
    assert await offered(harness, harness.mira) == [
        "Imagine · old boat · waiting",
        "Imagine · lighthouse · waiting",
        "Imagine · river · waiting",
    ]


@only_long
async def test_words_keys_and_states_narrow_the_choice_down(harness: BotHarness) -> None:
    key = key_in(await harness.job(harness.mira, harness.useapi.add_job(prompt="a river at dawn", duration=600)))
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a lighthouse", ends="moderated", duration=30))
    await harness.wait(50)
    river = ["Imagine · river at dawn · waiting"]
    for typed in ("river", "RIVER", "dawn river", f"#{key}", key.lower(), key[:3]):
        assert river == await offered(harness, harness.mira, typed)
    assert await offered(harness, harness.mira, "lighthouse") == [], "a declined prompt is not repeated"
    assert len(await offered(harness, harness.mira, "declined")) == 1
    assert await offered(harness, harness.mira, "submarine") == []


@either_provider
async def test_a_child_goes_by_its_button_and_its_parents_words(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.provider.add_job(prompt="a castle in the fog --ar 3:2", age=600))
    await harness.press(harness.mira, harness.last, "V2")
    assert (await offered(harness, harness.mira))[0] == "V2 · castle in the fog · waiting"


async def test_members_are_offered_their_own_jobs_everywhere_and_others_jobs_where_they_are_posted(
    harness: BotHarness,
) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(prompt="a river", duration=600))
    await harness.job(harness.bo, harness.useapi.add_job(prompt="a lighthouse", duration=600), harness.lounge)
    river, lighthouse = "Imagine · river · waiting", "Imagine · lighthouse · waiting"
    assert await offered(harness, harness.mira) == [river]
    assert await offered(harness, harness.bo) == [lighthouse, river]
    assert await offered(harness, harness.mira, channel=harness.lounge) == [lighthouse, river]
    assert await offered(harness, harness.bo, channel=harness.lounge) == [lighthouse]


async def test_another_server_learns_nothing(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=600))
    elsewhere = harness.env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    assert await offered(harness, elsewhere.add_member(harness.mira.user), channel=hall) == []


async def test_a_server_that_is_not_served_is_offered_nothing(harness: BotHarness) -> None:
    await harness.job(harness.mira, harness.useapi.add_job(duration=600))
    await harness.restart(allowed_guilds=frozenset({1}))
    assert await offered(harness, harness.mira) == []


@only_long
async def test_discord_takes_25_choices_so_the_newest_25_are_offered(harness: BotHarness) -> None:
    for nth in range(27):
        who = (harness.mira, harness.bo)[nth % 2]
        if nth and nth % 12 == 0:
            await harness.wait(61)
        await harness.job(who, harness.useapi.add_job(prompt=f"forbidden fruit {nth}", ends="moderated", age=600))
    assert len(harness.posts()) == 27
    assert all("forbidden" not in words(post) for post in harness.posts())
    choices = await harness.mira.autocomplete(harness.channel, "job", "jobid", "")
    assert len({choice["name"] for choice in choices}) == len(choices) == 25
