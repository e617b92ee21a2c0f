import sys
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

from bot import formatting
from bot.models import Job, JobEmbed, Seed
from bot.providers.values import sanitize
from bot.text import INVISIBLE, clean
from tests.table import table

STARTED = datetime(2026, 6, 2, 10, 34, 33, tzinfo=UTC)
JUMP = "https://discord.com/channels/1/2/3"
CASTLE = formatting.Link("castle in the fog", JUMP)
PROMPT = "a castle in the fog, ink wash --ar 3:2"
JOBID = "job:20260602103433688-user:12345-channel:1502243953687265485-bot:midjourney"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
FAMILY = "👩\u200d👩\u200d👧"


def a_job(**fields: Any) -> Job:
    return Job(**{"jobid": JOBID, "verb": "imagine", "status": "completed", "prompt": PROMPT} | fields)


def a_result(job: Job, **fields: Any) -> str:
    given = {"key": "4K7Q", "parent": None, "requester": "Mira", "picture": None} | fields
    return formatting.result(job, **given).description or ""


def rows(*labels: str) -> list[str]:
    return [" ".join(face.emoji or face.label for face in row) for row in formatting.button_rows(labels)]


# Untrusted text


@table(
    ("text", "expected"),
    [
        (PROMPT, PROMPT),
        ("**bold** snake_case `x`", r"\*\*bold\*\* snake\_case \`x\`"),
        ("[click](http://evil.example)", r"\[click\](http\://evil.example)"),
        ("@everyone and @here", "@\u200beveryone and @\u200bhere"),
        ("<@123> <#4> <t:5:R> </job:6>", "\\<@\u200b123> \\<#4> \\<t:5:R> \\</job:6>"),
        ("come to discord.gg/abc", r"come to discord.gg\/abc"),
        ("or discordapp.com/invite/abc", r"or discordapp.com\/invite/abc"),
        ("# head", r"\# head"),
        ("-# small", r"\-# small"),
        ("1. one", r"1\. one"),
        ("mail@home 3:2", "mail@home 3:2"),
        ("two\nlines\tand  more", "two lines and more"),
        ("\u202eevil\u0000\x1b", "evil"),
        ("\ud800", ""),
        ("\u200b\u3164", ""),
    ],
)
def test_untrusted_text_is_shown_literally_and_has_no_effect(text: str, expected: str) -> None:
    assert formatting.plain(text, 200) == expected


def test_every_control_and_format_character_is_removed_and_no_other() -> None:
    kept = {*"\t\n\u200c\u200d", *map(chr, range(0xE0020, 0xE0080))}
    blank = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
    every = [char for char in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(char) != "Cn"]
    control = {char for char in every if unicodedata.category(char) in {"Cc", "Cf", "Cs"}}
    assert set(INVISIBLE.findall("".join(every))) == (control - kept) | blank


@table("char", ["\x07", "\u202e", "\u200b", "\xad", "\u3164", "\U000e0001", "\ud800"])
def test_the_provider_and_the_embeds_remove_the_same_characters(char: str) -> None:
    assert clean(f"a{char}b") == sanitize(f"a{char}b", 10) == "ab"


@table(
    ("text", "limit", "expected"),
    [
        ("castle", 6, "castle"),
        ("castles", 6, "castl…"),
        ("abc*def", 5, "abc…"),
        ("ab cd", 4, "ab…"),
        (f"a{FAMILY}b", 4, "a…"),
        (f"a{ENGLAND}b", 9, f"a{ENGLAND}b"),
        (f"a{ENGLAND}b", 8, "a…"),
        ("ae\u0301io", 3, "a…"),
        ("🇩🇪🇫🇷", 2, "…"),
        ("castle", 0, ""),
    ],
)
def test_clipping_never_splits_an_escape_or_an_emoji(text: str, limit: int, expected: str) -> None:
    assert formatting.plain(text, limit) == expected


# Names, prompts and titles


@table(
    ("fields", "words"),
    [
        ({"verb": "imagine"}, "Imagine"),
        ({"verb": "seed_async"}, "Seed"),
        ({"verb": "relax"}, "Relax mode"),
        ({"verb": "button", "button": "V2"}, "V2"),
        ({"verb": "button", "button": "Vary (Strong)"}, "Vary (Strong)"),
        ({"verb": "button", "button": "🔄"}, "Re-roll 🔄"),
        ({"verb": "button", "button": "⬅️"}, "Pan left ⬅️"),
        ({"verb": "button", "button": "⬅"}, "Pan left ⬅️"),
        ({"verb": "button"}, "Button"),
        ({"verb": "long_video\n"}, "Long video"),
        ({"verb": ""}, "Job"),
    ],
)
def test_a_job_is_named_as_midjourney_names_it(fields: dict[str, str], words: str) -> None:
    assert formatting.label(a_job(**fields)) == words


@table(
    ("fields", "prompt", "title"),
    [
        ({}, PROMPT, "castle in the fog"),
        ({"prompt": "https://x.example/a.png a cat —v 7"}, "https://x.example/a.png a cat —v 7", "cat"),
        (
            {"prompt": "", "content": "**Steampunk cat --v 5.2** - <@1> (fast)"},
            "Steampunk cat --v 5.2",
            "Steampunk cat",
        ),
        ({"prompt": "", "content": "Upscaling image #1 with **a cat** - <@1> (Waiting to start)"}, "a cat", "cat"),
        (
            {"prompt": "", "content": "Making variations for image #1 with prompt **a **big** cat** - <@1> (12%)"},
            "a **big** cat",
            "**big** cat",
        ),
        ({"prompt": "", "content": "**a cat** - Image #1 <@1>"}, "a cat", "cat"),
        (
            {"prompt": "", "content": "**<https://s.mj.run/a> <https://s.mj.run/b> --v 7.0** - <@1> (fast)"},
            "https://s.mj.run/a https://s.mj.run/b --v 7.0",
            "2 pictures",
        ),
        ({"prompt": "", "seed": Seed(content=f"**{PROMPT}**\n**Job ID**: 1\n**seed** 2")}, PROMPT, "castle in the fog"),
        ({"prompt": "", "content": "Animating..."}, "", ""),
        ({"prompt": "", "content": "**User ID**: 1", "verb": "info"}, "", ""),
        ({"prompt": "", "verb": "blend", "blend_urls": ("a", "b", "c")}, "", "3 pictures"),
        ({"prompt": "", "verb": "describe"}, "", "a picture"),
        ({"prompt": "red, a tall tower, fog"}, "red, a tall tower, fog", "red, a tall tower"),
    ],
)
def test_the_title_is_the_first_words_of_the_prompt(fields: dict[str, Any], prompt: str, title: str) -> None:
    job = a_job(**fields)
    assert (formatting.prompt(job), formatting.title(job)) == (prompt, title)


def test_a_long_title_ends_after_a_whole_word() -> None:
    assert formatting.title(a_job(prompt="a castle in the fog over the sea"), 20) == "castle in the fog…"


@table(
    ("fields", "line"),
    [
        ({"status": "progress", "percent": 47}, "Imagine · castle in the fog · 47% · #4K7Q"),
        ({"status": "started"}, "Imagine · castle in the fog · waiting · #4K7Q"),
        ({"status": "reticulating"}, "Imagine · castle in the fog · in progress · #4K7Q"),
        ({}, "Imagine · castle in the fog · done · #4K7Q"),
        ({"prompt": ""}, "Imagine · done · #4K7Q"),
        ({"status": "moderated"}, "Imagine · declined · #4K7Q"),
    ],
)
def test_an_autocomplete_choice_distinguishes_jobs(fields: dict[str, Any], line: str) -> None:
    assert formatting.choice(a_job(**fields), "4K7Q") == line


@table(
    ("age", "words"),
    [
        ({"seconds": 0}, "1 s"),
        ({"minutes": 5, "seconds": 9}, "5 min"),
        ({"hours": 26}, "1 d"),
        ({"days": 400}, "400 d"),
    ],
)
def test_an_autocomplete_choice_of_a_long_prompt_keeps_the_jobs_key_and_age(age: dict[str, int], words: str) -> None:
    name = formatting.choice(a_job(prompt="a castle in the fog and so on " * 9), "4K7Q", age=timedelta(**age))
    assert len(name) <= 100
    assert name.endswith(f" · done · #4K7Q · {words} ago")


# The card


def test_the_status_card_of_a_running_job_shows_prompt_progress_and_subscribers() -> None:
    job = a_job(verb="button", button="V2", status="progress", percent=47, mode="fast")
    embed = formatting.status_card(job, parent=CASTLE, subscribers=["Mira", "Bo"], started=STARTED)
    assert embed.description == (
        f"**V2** of [castle in the fog]({JUMP})\n> {PROMPT}\n\n`▰▰▰▰▱▱▱▱` 47% · fast · started <t:1780396473:R>"
    )
    assert embed.footer.text == "Notifying Mira and 1 other"


def test_a_job_that_has_not_started_has_no_progress_bar() -> None:
    embed = formatting.status_card(a_job(status="started"), parent=None, subscribers=["Mira"], started=STARTED)
    assert embed.description == f"**Imagine**\n> {PROMPT}\n\nWaiting to start · requested <t:1780396473:R>"
    assert embed.footer.text == "Notifying Mira"


def test_a_status_card_leaves_out_what_is_unknown() -> None:
    embed = formatting.status_card(Job(jobid="x", status="progress"), parent=None, subscribers=[], started=None)
    assert (embed.description, embed.footer.text) == ("**Job**\n\nIn progress", None)


def test_a_parents_name_cannot_break_its_link() -> None:
    parent = formatting.Link("a](http://evil.example) 🐱 cat", JUMP)
    assert f"[a)(http\\://evil.example) cat]({JUMP})" in (
        formatting.status_card(a_job(), parent=parent, subscribers=[], started=None).description or ""
    )


def test_a_parent_without_a_post_is_named_without_a_link() -> None:
    parent = formatting.Link("castle in the fog")
    assert a_result(a_job(verb="button", button="U1"), parent=parent).startswith("**U1** of castle in the fog\n")


@table(("percent", "bar"), [(-1, "▰▱▱▱▱▱▱▱"), (1, "▰▱▱▱▱▱▱▱"), (47, "▰▰▰▰▱▱▱▱"), (99, "▰▰▰▰▰▰▰▱"), (100, "▰▰▰▰▰▰▰▰")])
def test_the_bar_is_full_only_at_the_end(percent: int, bar: str) -> None:
    assert formatting.bar(percent) == bar


@table(
    ("time", "words"),
    [
        (timedelta(milliseconds=-5), "1 s"),
        (timedelta(seconds=52.4), "52 s"),
        (timedelta(minutes=3, seconds=5), "3 min 5 s"),
        (timedelta(minutes=3), "3 min"),
        (timedelta(hours=2, minutes=10, seconds=7), "2 h 10 min"),
        (timedelta(days=31, hours=2), "31 d 2 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(time: timedelta, words: str) -> None:
    assert formatting.duration(time) == words


@table(
    ("fields", "line"),
    [
        ({}, "-# ✓ Imagine · castle in the fog, 52 s"),
        ({"verb": "describe", "prompt": ""}, "-# ✓ Describe · a picture, 52 s"),
        ({"status": "failed"}, "-# ✗ Imagine · castle in the fog, failed after 52 s"),
        ({"status": "cancelled"}, "-# – Imagine · castle in the fog, cancelled after 52 s"),
        ({"status": "moderated"}, "-# ✗ Imagine, declined after 52 s"),
    ],
)
def test_a_finished_status_card_is_one_small_line(fields: dict[str, Any], line: str) -> None:
    assert formatting.finished_line(a_job(**fields), took=timedelta(seconds=52)) == line


def test_a_finished_status_card_leaves_out_an_unknown_time() -> None:
    assert formatting.finished_line(a_job(), took=None) == "-# ✓ Imagine · castle in the fog"


# The result


def test_a_result_shows_parent_prompt_picture_and_facts() -> None:
    embed = formatting.result(
        a_job(verb="button", button="V2", mode="fast"),
        key="4K7Q",
        parent=CASTLE,
        requester="Mira",
        picture="attachment://v2.webp",
        note="The picture was too large to attach.",
        took=timedelta(seconds=52),
    )
    assert embed.description == (
        f"**V2** of [castle in the fog]({JUMP})\n> {PROMPT}\n\n-# The picture was too large to attach."
    )
    assert embed.image.url == "attachment://v2.webp"
    assert embed.footer.text == "Mira · fast · 52 s · #4K7Q"


@table("picture", ["file:///etc/passwd", "javascript:alert(1)", "https://x.example/" + "a" * 2048, ""])
def test_an_address_that_discord_would_refuse_is_left_out(picture: str) -> None:
    embed = formatting.result(a_job(), key="4K7Q", parent=None, requester="Mira", picture=picture)
    assert embed.image.url is None


def test_a_blend_counts_its_pictures() -> None:
    job = a_job(verb="blend", prompt="", content="**<https://s.mj.run/a> <https://s.mj.run/b>** - <@1> (fast)")
    assert a_result(job) == "**Blend** of 2 pictures"


def test_describe_shows_its_four_prompts() -> None:
    prompts = "1️⃣ a bird, [Greg](http://x.example) style\n\n2️⃣ *two*\n\n3️⃣ three\n\n4️⃣ four"
    job = a_job(verb="describe", prompt="", embeds=(JobEmbed(description=prompts),))
    assert a_result(job) == "**Describe**\n\n1️⃣ a bird, Greg style\n\n2️⃣ \\*two\\*\n\n3️⃣ three\n\n4️⃣ four"


def test_the_prompts_of_a_description_are_read_without_addresses() -> None:
    bird, two = "a bird, [Greg](http://x.example) style --ar 3:2", "*two*  http://x.example/a.png"
    prompts = f"1️⃣ {bird}\n\n2\u20e3 {two}\n\n3️⃣\n\n4️⃣ four"
    job = a_job(verb="describe", prompt="", embeds=(JobEmbed(description=prompts),))
    assert formatting.described_prompts(job) == ("a bird, Greg style --ar 3:2", "*two*", "four")
    assert formatting.described_prompts(a_job(embeds=(JobEmbed(description=prompts),))) == ()
    assert formatting.described_prompts(a_job(verb="describe", embeds=(JobEmbed(description="none"),))) == ()


def test_a_result_with_everything_at_its_longest_still_fits() -> None:
    prompts = "\n".join(["*" * 5000] * 9)
    job = a_job(verb="describe", prompt="*" * 5000, embeds=(JobEmbed(description=prompts),), mode="x" * 999)
    parent = formatting.Link("*" * 999, JUMP + "0" * 400)
    embed = formatting.result(job, key="K" * 99, parent=parent, requester="M" * 999, picture=None, note="n" * 999)
    assert len(embed.description or "") == 4096
    assert len(embed.footer.text or "") <= 2048
    assert len(embed) <= 6000


def test_a_result_without_facts_has_no_footer() -> None:
    assert "footer" not in formatting.result(a_job(), key="", parent=None, requester="", picture=None).to_dict()


def test_a_seed_can_be_copied() -> None:
    job = a_job(verb="seed_async", seed=Seed(value="123456789"))
    assert a_result(job, parent=CASTLE) == f"**Seed** `123456789` of [castle in the fog]({JUMP})\n> {PROMPT}"


def test_a_long_address_in_a_prompt_is_shortened_to_its_host() -> None:
    job = a_job(prompt="https://cdn.midjourney.com/383afba5-1f84-4da3-9b76-e65c9c8ccfe8/0_0.png a cat")
    assert a_result(job) == "**Imagine**\n> https\\://cdn.midjourney.com/… a cat"


@table(
    ("status", "sentence"),
    [
        ("failed", "Midjourney could not finish this job."),
        ("cancelled", "This job was cancelled."),
        ("expired", "useapi.net no longer keeps this job."),
        ("silent", "No news about this job for a day, so I stopped checking."),
    ],
)
def test_a_job_without_a_picture_has_one_sentence_in_amber(status: str, sentence: str) -> None:
    quiet = formatting.result(a_job(), key="4K7Q", parent=None, requester="Mira", picture=None)
    error = formatting.result(a_job(status=status), key="4K7Q", parent=None, requester="Mira", picture=None)
    assert error.description == f"**Imagine**\n> {PROMPT}\n\n{sentence}"
    assert error.colour != quiet.colour


def test_a_declined_job_shows_neither_prompt_nor_picture_nor_reason() -> None:
    job = a_job(status="moderated", error="Banned prompt", error_details="fog is banned")
    embed = formatting.result(job, key="4K7Q", parent=None, requester="Mira", picture="attachment://a.webp")
    assert embed.description == "**Imagine**\n\nMidjourney declined this one."
    assert embed.image.url is None


def test_a_failure_shows_its_reason_without_ids_and_mentions() -> None:
    job = a_job(status="failed", error=f"<@123456789012345678> has no {JOBID} *now*")
    assert a_result(job).endswith("Midjourney could not finish this job. Reason: someone has no this job \\*now\\*")


def test_the_reason_for_declining_contains_no_ids_and_mentions() -> None:
    job = a_job(status="moderated", error="Banned prompt", error_details=f"Sorry!\n\nSee {JOBID}, <@1>.")
    assert formatting.decline_reason(job) == "**Banned prompt**\nSorry!\nSee this job, someone."
    assert formatting.decline_reason(a_job(status="moderated")) == "Midjourney gave no reason."


def test_the_account_answer_keeps_times_and_leaves_out_the_user_id() -> None:
    content = "**User ID**: 777\n**Subscription**: Mega (renews next on <t:1705181223>)\n**Job Mode**: *Fast* <@777>"
    embed = formatting.account_answer(a_job(verb="info", prompt="", content=content))
    assert embed.description == (
        "**Info**\n\n**Subscription** Mega (renews next on <t:1705181223>)\n**Job Mode** \\*Fast\\* \\<@\u200b777>"
    )


def test_an_account_answer_without_text_says_done() -> None:
    assert formatting.account_answer(a_job(verb="relax", prompt="")).description == "**Relax mode**\n\nDone."


# Alt texts, file names and mentions


def test_the_alt_text_is_the_prompt_without_parameters() -> None:
    assert formatting.alt_text(a_job()) == "Picture made with Midjourney: a castle in the fog, ink wash"
    assert formatting.alt_text(a_job(buttons=("U1",))).startswith("Four pictures made with Midjourney: a castle")


def test_a_file_is_named_after_what_it_shows() -> None:
    assert formatting.file_name(a_job(verb="button", button="V2"), "4K7Q", "webp") == "v2-castle-in-the-fog-4k7q.webp"
    assert formatting.file_name(a_job(prompt="城 ../../etc/pâssé"), "4K7Q", ".png") == "imagine-etc-passe-4k7q.png"


def test_each_member_is_mentioned_once() -> None:
    assert formatting.mentions([1, 2, 1]) == "<@1> <@2>"
    assert formatting.mentions([]) == ""


def test_as_many_members_are_mentioned_as_discord_allows() -> None:
    line = formatting.mentions(range(10**17, 10**17 + 120))
    assert line.endswith(f"> and {120 - line.count('<@')} more")
    assert 1900 < len(line) <= 2000
    assert formatting.mentions(range(120)).endswith("<@99> and 20 more")


# Buttons


def test_a_grids_buttons_are_laid_out_as_at_midjourney() -> None:
    assert rows("U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4") == ["U1 U2 U3 U4 🔄", "V1 V2 V3 V4"]


def test_a_single_pictures_buttons_are_laid_out_by_group() -> None:
    upscales = ("Upscale (Subtle)", "Upscale (Creative)", "Vary (Subtle)", "Vary (Strong)", "Vary (Region)")
    zooms = ("Zoom Out 2x", "Zoom Out 1.5x", "Custom Zoom")
    arrows = ("⬅️", "➡️", "⬆️", "⬇️")
    videos = ("Animate (High motion)", "Animate (Low motion)")
    groups = [" ".join(group) for group in (upscales, zooms, arrows, videos)]
    assert rows(*upscales, *zooms, *arrows, *videos) == groups
    assert rows(*upscales, *zooms, *arrows, *videos, "Share", "Hide") == [*groups, "Share Hide"]


def test_small_groups_share_a_row_when_there_are_too_many() -> None:
    crowded = ("U1", "V1", "Vary (Strong)", "Custom Zoom", "⬆️", "Animate (Low motion)", "Share")
    assert rows(*crowded) == ["U1 V1 Vary (Strong) Custom Zoom ⬆️", "Animate (Low motion) Share"]


def test_the_numbers_of_describe_share_a_row_with_re_roll() -> None:
    assert rows("1️⃣", "2️⃣", "3️⃣", "4️⃣", "🔄") == ["1️⃣ 2️⃣ 3️⃣ 4️⃣ 🔄"]


def test_of_forty_buttons_the_known_ones_are_kept() -> None:
    layout = formatting.button_rows([f"Strange {number}" for number in range(38)] + ["U1", "V1"])
    assert [len(row) for row in layout] == [5, 5, 5, 5, 4]
    assert [(face.index, face.label) for face in layout[0][:3]] == [(38, "U1"), (39, "V1"), (0, "Strange 0")]


def test_a_label_is_shown_once_clipped_and_never_blank() -> None:
    faces = [
        face for row in formatting.button_rows(["\u200b", "x" * 200, "x" * 200, " ", "⬅", "⬅️", "❤️"]) for face in row
    ]
    assert [(face.index, face.label, face.emoji) for face in faces] == [
        (4, "", "⬅️"),
        (1, "x" * 79 + "…", None),
        (6, "❤️", None),
    ]


def test_a_job_without_buttons_has_no_rows() -> None:
    assert formatting.button_rows([]) == ()


def test_a_long_prompt_that_was_found_is_cut_around_the_word() -> None:
    start = "a tower in the fog, drawn with a fine pen on old paper"
    words = f"{start}, very old and almost black paper, and over it a castle in clouds, seen from below"
    assert formatting.found(a_job(prompt=words), '"castle"') == (
        "Imagine · …black paper, and over it a castle in clouds, seen from below · done"
    )
    assert formatting.found(a_job(prompt=words), "tower").startswith(f"Imagine · {start}")
    assert formatting.found(a_job(prompt=words), "none").startswith(f"Imagine · {start}")
    assert "tower" not in formatting.found(a_job(prompt=words, status="moderated"), "tower")
