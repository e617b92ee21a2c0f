"""What is offered while somebody types `/job`: recent jobs by their names, from the store alone."""

from typing import Any

from tests.journeys.conftest import Stage, key_in, words


async def offered(stage: Stage, who: Any, typed: str = "", channel: Any = None) -> list[str]:
    choices = await who.autocomplete(channel or stage.channel, "job", "jobid", typed)
    return [choice["name"] for choice in choices]


async def test_a_recent_job_is_offered_by_what_it_is_and_how_it_stands(stage: Stage) -> None:
    jobid = stage.useapi.add_job(prompt="a castle in the fog, ink wash --ar 3:2", duration=267)
    await stage.job(stage.mira, jobid)
    assert await offered(stage, stage.mira) == ["Imagine · castle in the fog · waiting"]
    await stage.wait(85)
    assert await offered(stage, stage.mira) == ["Imagine · castle in the fog · 17 %"]
    await stage.wait(215)
    assert await offered(stage, stage.mira) == ["Imagine · castle in the fog · done"]


async def test_choosing_an_offer_is_as_good_as_the_id(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=267)
    key = key_in(await stage.job(stage.mira, jobid))
    (choice,) = await stage.mira.autocomplete(stage.channel, "job", "jobid", "")
    assert choice["value"] == f"#{key}"
    assert "Already watched" in await stage.job(stage.mira, choice["value"])


async def test_typing_never_asks_useapi(stage: Stage) -> None:
    jobid = stage.useapi.add_job(duration=267)
    await stage.job(stage.mira, jobid)
    before = len(stage.useapi.requests)
    for typed in ("", "castle", jobid, "#4K7Q"):
        await offered(stage, stage.mira, typed)
    assert len(stage.useapi.requests) == before


async def test_the_newest_question_comes_first(stage: Stage) -> None:
    for scene in ("a river", "a lighthouse", "an old boat"):
        await stage.job(stage.mira, stage.useapi.add_job(prompt=scene, duration=600))
    assert await offered(stage, stage.mira) == [
        "Imagine · old boat · waiting",
        "Imagine · lighthouse · waiting",
        "Imagine · river · waiting",
    ]


async def test_words_keys_and_states_narrow_the_choice_down(stage: Stage) -> None:
    key = key_in(await stage.job(stage.mira, stage.useapi.add_job(prompt="a river at dawn", duration=600)))
    await stage.job(stage.mira, stage.useapi.add_job(prompt="a lighthouse", ends="moderated", duration=30))
    await stage.wait(50)
    river = ["Imagine · river at dawn · waiting"]
    for typed in ("river", "RIVER", "dawn river", f"#{key}", key.lower(), key[:3]):
        assert river == await offered(stage, stage.mira, typed)
    assert await offered(stage, stage.mira, "lighthouse") == [], "a declined prompt is not repeated"
    assert len(await offered(stage, stage.mira, "declined")) == 1
    assert await offered(stage, stage.mira, "submarine") == []


async def test_a_child_goes_by_its_button_and_its_parents_words(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt="a castle in the fog --ar 3:2", age=600))
    await stage.press(stage.mira, stage.last, "V2")
    assert (await offered(stage, stage.mira))[0] == "V2 · castle in the fog · waiting"


async def test_members_are_offered_their_own_jobs_everywhere_and_others_jobs_where_they_stand(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(prompt="a river", duration=600))
    await stage.job(stage.bo, stage.useapi.add_job(prompt="a lighthouse", duration=600), stage.lounge)
    river, lighthouse = "Imagine · river · waiting", "Imagine · lighthouse · waiting"
    assert await offered(stage, stage.mira) == [river]
    assert await offered(stage, stage.bo) == [lighthouse, river]
    assert await offered(stage, stage.mira, channel=stage.lounge) == [lighthouse, river]
    assert await offered(stage, stage.bo, channel=stage.lounge) == [lighthouse]


async def test_another_server_learns_nothing(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=600))
    elsewhere = stage.env.create_guild("Elsewhere")
    hall = elsewhere.create_text_channel("hall")
    assert await offered(stage, elsewhere.add_member(stage.mira.user), channel=hall) == []


async def test_a_server_that_is_not_served_is_offered_nothing(stage: Stage) -> None:
    await stage.job(stage.mira, stage.useapi.add_job(duration=600))
    await stage.restart(allowed_guilds=frozenset({1}))
    assert await offered(stage, stage.mira) == []


async def test_discord_takes_25_choices_so_the_newest_25_are_offered(stage: Stage) -> None:
    for nth in range(27):
        who = (stage.mira, stage.bo)[nth % 2]
        if nth and nth % 12 == 0:
            await stage.wait(61)
        await stage.job(who, stage.useapi.add_job(prompt=f"forbidden fruit {nth}", ends="moderated", age=600))
    assert len(stage.posts()) == 27
    assert all("forbidden" not in words(post) for post in stage.posts())
    names = await offered(stage, stage.mira)
    assert len(names) == 25
    assert len(set(names)) == 25
