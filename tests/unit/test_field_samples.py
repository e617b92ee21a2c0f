"""What members see of inputs from public reports, in `tests/samples/field/`, and of other texts that were reported."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import formatting
from bot.formatting.labels import title
from bot.images import names_the_payer
from bot.models import Attachment, Halt, Job, Status, follow
from bot.models.durations import TypicalDuration
from bot.providers.useapi import parse_job
from bot.ui import result_view
from bot.ui.posts.result_menu import full_size
from tests.strategies import JOBID
from tests.table import table

FIELD = Path(__file__).parents[1] / "samples" / "field"
BASE = "https://cdn.discordapp.com"
JUMP = "https://discord.com/channels/1/2/3"
STARTED = datetime(2025, 6, 18, 17, 40, tzinfo=UTC)
FORTY_SECONDS = timedelta(seconds=40)
USUALLY = TypicalDuration(low=timedelta(minutes=2), high=timedelta(minutes=6))
HEBREW = "חתול כתום יושב על החלון"


def course(name: str) -> list[Job]:
    """The job after each of the sample's answers."""
    answers = json.loads((FIELD / f"{name}.json").read_text().replace("{{base}}", BASE))["answers"]
    parsed = [parse_job(json.dumps(answer).encode(), jobid=JOBID) for answer in answers]
    jobs = parsed[:1]
    for answer in parsed[1:]:
        jobs.append(follow(jobs[-1], answer) or jobs[-1])
    return jobs


def status_card(job: Job) -> str:
    embed = formatting.status_card(job, parent=None, subscribers=[], started=STARTED, typical=USUALLY)
    return (embed.description or "").rpartition("\n\n")[2]


def result(job: Job, **given: Any) -> str:
    fields = {"key": "4K7Q", "parent": None, "requester": "Mira", "picture": None} | given
    return formatting.result(job, **fields).description or ""


def labels(job: Job) -> list[str | None]:
    return [getattr(item, "label", None) for item in result_view("n" * 24, job).children]


def a_job(prompt: str) -> Job:
    return Job(jobid=JOBID, verb="imagine", status="completed", prompt=prompt)


def finished(job: Job) -> str:
    return formatting.finished_line(job, took=FORTY_SECONDS)


def last(name: str) -> Job:
    return course(name)[-1]


# --- the rows of the field ------------------------------------------------------------------------------------------

TEXTS: dict[str, list[tuple[Callable[[Job], object], object]]] = {
    "mj_file_name_names_payer": [
        (lambda job: names_the_payer(job.attachments[0].url), True),
        (lambda job: full_size(job, STARTED, ["cdn.discordapp.com"]), None),
    ],
    "mj_failed_invalid_parameter": [
        (
            result,
            "**Imagine**\n> prompt text --seed 1 True --niji 7\n\n"
            "Midjourney could not finish this job. Reason: Invalid parameter",
        ),
        (labels, ["Why?", "⋯"]),
        (
            formatting.decline_reason,
            "**Invalid parameter**\nUnrecognized parameter(s): `use_raw`\n/imagine prompt text --seed 1 True --niji 7",
        ),
    ],
    "mj_title_initials": [
        (title, "Samuel L. Jackson as Nick Fury"),
        (finished, "-# ✓ Imagine · Samuel L. Jackson as Nick Fury, 40 s"),
        (lambda job: formatting.file_name(job, "4K7Q", "png"), "imagine-samuel-l-jackson-as-nick-fury-4k7q.png"),
    ],
    "mj_title_abbreviation": [(title, "Robert Downey Jr. utilizing Tony Stark's inventive genius…")],
    "mj_title_braces": [
        (title, "{red, green, yellow} bird in the {jungle, desert}"),
        (lambda job: formatting.file_name(job, "4K7Q", "png"), "imagine-red-green-yellow-bird-in-the-jungle-4k7q.png"),
    ],
    "mj_title_hebrew": [
        (title, HEBREW),
        (finished, f"-# ✓ Imagine · \u2068{HEBREW}\u2069, 40 s"),
        (lambda job: formatting.choice(job, "4K7Q"), f"Imagine · \u2068{HEBREW}\u2069 · done · #4K7Q"),
        (lambda job: formatting.summary(job), f"Imagine · \u2068{HEBREW}\u2069 · done"),
        (result, f"**Imagine**\n> {HEBREW}, צבעי מים --ar 3:2"),
    ],
    "mj_video_grid": [
        (title, "Tweety Bird spins kettlebell with one hand"),
        (formatting.alt_text, "Four videos made with Midjourney: Tweety Bird spins kettlebell with one hand"),
        (finished, "-# ✓ Imagine · Tweety Bird spins kettlebell with one hand, 40 s"),
    ],
    "mj_paused_stopped": [
        (lambda job: (job.status, job.halted), (Status.CANCELLED, Halt.STOPPED)),
        (finished, "-# – Imagine · ice creams, stopped after 40 s"),
        (
            result,
            "**Imagine**\n> ice creams, pinkcore, organic shapes --v 5\n\nThis job was stopped at Midjourney.",
        ),
    ],
}


@table(
    ("name", "show", "expected"),
    [
        pytest.param(name, show, expected, id=f"{name}-{number}")
        for name, rows in TEXTS.items()
        for number, (show, expected) in enumerate(rows)
    ],
)
def test_a_member_sees_of_a_field_sample(name: str, show: Callable[[Job], object], expected: object) -> None:
    assert show(last(name)) == expected


def test_every_field_sample_has_a_row() -> None:
    assert {path.stem for path in FIELD.glob("*.json")} == TEXTS.keys()


def test_a_status_card_shows_that_midjourney_paused_the_job() -> None:
    started = f"started <t:{int(STARTED.timestamp())}:R>"
    waiting, running, paused, stopped = course("mj_paused_stopped")
    assert status_card(waiting).startswith("Waiting to start")
    assert status_card(running).startswith(f"`▰▰▱▱▱▱▱▱` 31% · relaxed · {started}\nUsually 2–6 min")
    assert status_card(paused) == f"`▰▰▱▱▱▱▱▱` 31% · paused by Midjourney · relaxed · {started}"
    assert formatting.choice(paused, "4K7Q") == "Imagine · ice creams · paused · #4K7Q"
    assert stopped.over, "no subscription waits a day for it"
    resumed = follow(paused, parse_job(_progress(45), jobid=JOBID))
    assert resumed is not None
    assert status_card(resumed).startswith("`▰▰▰▰▱▱▱▱` 45% · relaxed")


def test_a_job_that_was_paused_before_it_had_a_percentage_is_shown_as_paused() -> None:
    paused = parse_job(json.dumps({"status": "paused", "content": "**a cat** - <@1> (relaxed)"}).encode(), jobid=JOBID)
    assert (paused.status, paused.over) == (Status.PROGRESS, False)
    assert status_card(paused).startswith("Paused by Midjourney · relaxed · started")


def test_a_stopped_job_that_completes_all_the_same_is_shown() -> None:
    done = follow(last("mj_paused_stopped"), parse_job(b'{"status": "completed"}', jobid=JOBID))
    assert done is not None
    assert (done.status, done.halted) == (Status.COMPLETED, None)


def _progress(percent: int) -> bytes:
    content = f"**ice creams** - <@1> ({percent}%) (relaxed)"
    return json.dumps({"status": "progress", "updated": "2025-06-18T17:41:00.000Z", "content": content}).encode()


# --- titles -----------------------------------------------------------------------------------------------------------


@table(
    ("prompt", "words"),
    [
        ("Mr. and Mrs. Smith at St. Paul's, London", "Mr. and Mrs. Smith at St. Paul's"),
        ("the old No. 5 bottle, studio light", "old No. 5 bottle"),
        ("a tower by J. R. R. Tolkien, ink", "tower by J. R. R. Tolkien"),
        ("flag of the U.S. Navy. Wind", "flag of the U.S. Navy"),
        ("eine Stadt im 19. Jahrhundert, Nebel", "eine Stadt im 19. Jahrhundert"),
        ("a quiet lake. Morning light", "quiet lake"),
        ("a bird (small, red) on a wire, dusk", "bird (small, red) on a wire"),
        ("a fox [cunning, sly] in the snow, dusk", "fox [cunning, sly] in the snow"),
        ("the {a {b, c}, d} thing, x", "{a {b, c}, d} thing"),
        ('a sign that says "hello, world" in neon, night', 'sign that says "hello, world" in neon'),
        ("a sign 'hello, world' in neon, night", "sign 'hello, world' in neon"),
        ("„Guten Tag, Welt“ als Schild, neon", "„Guten Tag, Welt“ als Schild"),
        ("a bird (never closed, red, blue", "bird (never closed"),
        ("the dogs' bone, it's old, dusk", "dogs' bone"),
        ('a 6" screen and more, 4" wide', '6" screen and more'),
        ("An der Küste, Nebel", "An der Küste"),
        ("An einem See im Winter, Nebel", "An einem See im Winter"),
        ("An den Klippen, Nebel", "An den Klippen"),
        ("A la orilla del mar, noche", "A la orilla del mar"),
        ("an old castle, fog", "old castle"),
        ("an hour before dawn, fog", "hour before dawn"),
        ("an 80-year-old sailor, fog", "80-year-old sailor"),
        ("An X-ray of a hand, blue", "X-ray of a hand"),
        ("a lake in the hills, fog", "lake in the hills"),
    ],
)
def test_a_title_ends_where_the_first_clause_ends_and_loses_an_article_only(prompt: str, words: str) -> None:
    assert title(a_job(prompt)) == words


# --- right to left ----------------------------------------------------------------------------------------------------


def outside_isolates(text: str) -> str:
    return re.sub("\u2068[^\u2068\u2069]*\u2069", "", text)


def test_a_right_to_left_text_is_isolated_wherever_our_own_words_are_beside_it() -> None:
    job = last("mj_title_hebrew")
    child = Job(jobid=JOBID, verb="button", button="V2")
    parent = formatting.Link(HEBREW, JUMP)
    named = formatting.result(job, key="4K7Q", parent=None, requester="מירה", picture=None, took=FORTY_SECONDS)
    waiting = formatting.status_card(job, parent=None, subscribers=["מירה", "בו"], started=None)
    related = formatting.related_jobs([formatting.RelatedJobLine(job=job, key="4K7Q", generation=0, url=JUMP)], 1)
    texts = [
        finished(job),
        formatting.choice(job, "4K7Q"),
        result(child, parent=parent),
        named.footer.text or "",
        waiting.footer.text or "",
        related.description or "",
        formatting.plain("מירה", 40),
    ]
    for text in texts:
        assert "\u2068" in text
        assert not re.search("[\u0590-\u05ff]", outside_isolates(text)), text
    assert f"**V2** of \u2068[{HEBREW}]({JUMP})\u2069" in texts[2]
    assert texts[3] == "\u2068מירה\u2069 · fast · 40 s · #4K7Q"
    assert texts[4] == "Notifying \u2068מירה\u2069 and 1 other"


def test_a_long_right_to_left_title_is_cut_inside_of_its_isolates() -> None:
    text = formatting.plain(HEBREW * 20, 40)
    assert len(text) == 40
    assert (text[0], text[-2:]) == ("\u2068", "…\u2069")
    assert len(formatting.choice(a_job(HEBREW * 20), "4K7Q")) <= 100
    assert formatting.plain("left to right", 40) == "left to right"


def test_a_summary_is_a_choice_that_is_escaped() -> None:
    assert formatting.summary(a_job("a [cat] *sat*, fog")) == "Imagine · \\[cat\\] \\*sat\\* · done"
    assert formatting.summary(a_job("")) == "Imagine · done"


# --- what Midjourney said ---------------------------------------------------------------------------------------------


def failed(**fields: Any) -> Job:
    return Job(jobid=JOBID, verb="imagine", status="failed", prompt="a cat", **fields)


def test_the_requester_of_a_failed_job_reads_what_midjourney_shows_in_discord() -> None:
    details = (
        "You can try again <t:1750268400:R>, see the [guidelines](https://docs.example/x).\n"
        f"`--v 9` of <@123> in {JOBID} is *unknown*, [x](javascript:y) @everyone `never closed"
    )
    assert formatting.decline_reason(failed(error="Blocked", error_details=details)) == (
        "**Blocked**\nYou can try again <t:1750268400:R>, see the guidelines.\n"
        "`--v 9` of someone in this job is \\*unknown\\*, x @\u200beveryone \\`never closed"
    )


def test_a_failed_job_without_details_has_nothing_more_to_say() -> None:
    assert labels(failed(error="Failed to process")) == ["⋯"]
    assert labels(Job(jobid=JOBID, status="moderated")) == ["Why?", "⋯"]


def test_a_long_detail_is_not_cut_within_inline_code() -> None:
    reason = formatting.decline_reason(failed(error_details="x" * 1590 + " `" + "y" * 60 + "`"))
    assert reason == "x" * 1590 + "…"


def test_an_account_answer_that_failed_shows_its_details_to_its_requester() -> None:
    job = Job(jobid=JOBID, verb="relax", status="failed", error="Subscription required", error_details="Until <t:1:R>.")
    assert formatting.account_answer(job).description == (
        "**Relax mode**\n\nMidjourney could not finish this job.\n\n**Subscription required**\nUntil <t:1:R>."
    )


# --- links and prompts ------------------------------------------------------------------------------------------------


@table(
    ("prompt", "quote"),
    [
        ("https://imgur.com/aaaaaaaaaaaaaaaaaaaaaaaaaaaa.png a cat", "https\\://imgur.com/… a cat"),
        ("https://imgur.com/a1b2c3.png a cat", "https\\://imgur.com/a1b2c3.png a cat"),
        (
            "https://a-very-long-host-name-of-a-bucket.s3.eu-central-1.amazonaws.com a cat",
            "https\\://a-very-long-host-name-of-a-bucket.s3.eu-central-1.amazonaws.com a cat",
        ),
        (
            f"https://{'a-very-long-host-name.' * 4}example/aaaaaaaaaaaaaaaaaaaaaaaaaaaa a cat",
            f"https\\://{'a-very-long-host-name.' * 4}example/… a cat",
        ),
        ("https://imgur.com?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa a cat", "https\\://imgur.com/… a cat"),
        ("--sref 4022 --sw 50 --v 7", "\\--sref 4022 --sw 50 --v 7"),
        ("https://s.mj.run/a https://s.mj.run/b --v 7.0", "https\\://s.mj.run/a https\\://s.mj.run/b --v 7.0"),
    ],
)
def test_a_prompt_is_quoted_with_whole_hosts_and_even_without_words(prompt: str, quote: str) -> None:
    assert result(a_job(prompt)) == f"**Imagine**\n> {quote}"


@table("verb", ["imagine", "blend"])
def test_pictures_alone_are_not_quoted(verb: str) -> None:
    job = Job(jobid=JOBID, verb=verb, status="completed", prompt="https://s.mj.run/a https://s.mj.run/b")
    assert ">" not in result(job)


def test_the_public_reason_of_a_failure_contains_no_whole_address() -> None:
    job = failed(error="Could not validate https://cdn.discordapp.com/attachments/1/2/payername_a_cat.png")
    assert result(job).endswith("Reason: Could not validate https\\://cdn.discordapp.com/…")


# --- addresses that name the payer ------------------------------------------------------------------------------------

UUID = "d0966d3a-a86f-414d-8a67-be65951ef751"


@table(
    "url",
    [
        f"{BASE}/attachments/1/2/payername_a_cat_{UUID}.png?ex=7fffffff&is=1&hm=0",
        f"{BASE}/attachments/1/2/payername_a_cat_{UUID.upper()}.png",
        f"{BASE}/attachments/1/2/payername_a_cat_{UUID.replace('-', '%2D')}.png",
        f"https://media.discordapp.net/attachments/1/2/{UUID}_grid_0.webp",
        f"{BASE}/ephemeral-attachments/1/2/{UUID}_0_720_N.mp4",
        f"https://midjourney.com/jobs/{UUID}",
        f"https://proxy.example/?file=payername_{UUID}.png",
        "https://api.useapi.net/v1/proxy/cdn-midjourney/?cdnUrl=https%3A%2F%2FCDN.midjourney.com%2F1%2F0_0.png",
    ],
)
def test_a_jobs_file_names_the_payer_wherever_it_is_hosted(url: str) -> None:
    assert names_the_payer(url)


def test_a_member_who_may_see_the_job_id_may_see_the_address_too() -> None:
    job = last("mj_file_name_names_payer")
    link = full_size(job, STARTED, ["cdn.discordapp.com"], private=True)
    assert link is not None
    assert "payername" in link.url


# --- videos -----------------------------------------------------------------------------------------------------------


@table(
    ("fields", "what"),
    [
        ({"verb": "button", "button": "Animate (High motion)"}, "video"),
        ({"verb": "button", "button": "Extend (Low motion)"}, "video"),
        ({"content": "**a cat --motion high --video 1** - Image #1 <@1>"}, "video"),
        ({"prompt": "https://x.example/a.png a cat —video"}, "video"),
        ({"attachments": (Attachment(url="https://x.example/a", content_type="video/mp4"),)}, "video"),
        ({"prompt": "a video of a cat"}, "picture"),
        ({"prompt": "a cat --videogame"}, "picture"),
        ({"verb": "describe", "content": "**a cat --video** - <@1>"}, "prompts"),
    ],
)
def test_a_video_is_called_a_video(fields: dict[str, Any], what: str) -> None:
    job = Job(**{"jobid": JOBID, "verb": "imagine", "status": "completed", "prompt": "a cat"} | fields)
    assert formatting.outcome(job) == what
    if what != "prompts":
        assert formatting.alt_text(job).startswith(f"{what.capitalize()} made with Midjourney")


# --- buttons ----------------------------------------------------------------------------------------------------------


def test_redone_upscales_share_a_row_with_the_upscales() -> None:
    labels = ("Light Upscale Redo", "Web", "Make Variations", "Beta Upscale Redo", "Upscale to Max")
    faces = [[face.label for face in row] for row in formatting.button_rows(labels)]
    assert faces == [["Light Upscale Redo", "Make Variations", "Beta Upscale Redo", "Upscale to Max"], ["Web"]]
