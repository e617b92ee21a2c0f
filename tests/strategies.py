"""Hypothesis strategies that several tests share: jobs with hostile values in any field."""

from datetime import UTC

from hypothesis import strategies as st

from bot.models import ACCOUNT_VERBS, SEED_VERBS, Attachment, Halt, Job, JobEmbed, Media, Seed, Status

JOBID = "job:20260602103433688-user:12345-channel:1502243953687265485-bot:midjourney"

NASTY = (
    "",
    " \n\t ",
    "\u200b",
    "\u3164",
    "@everyone @here",
    "<@123456789012345678> <@&1> <#1> <t:1:R> <a:x:1> </job:1> <id:home>",
    "[click](http://evil.example)",
    "](http://evil.example)",
    "https://evil.example/x discord.gg/abc HTTP://evil.example",
    "**bold** _it_ ~~no~~ ||spoiler|| `code` ```fence",
    "# head",
    "-# small",
    "> quote",
    ">>> quote",
    "1. one",
    "- list",
    "\\",
    "\\\\`",
    "\u202eRTL \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "\x00\x07\x1b[31m",
    "\ud800",
    "👩‍👩‍👧‍👦🏳️‍🌈1️⃣🇩🇪",
    "e\u0301" * 40,
    "** - <@1> (47%) (fast)",
    "1️⃣ one\n\n2️⃣ two",
    "a castle in the fog, ink wash --ar 3:2",
    "https://s.mj.run/a <https://s.mj.run/b> --v 7",
    "**User ID**: 12345\n**Subscription**: Mega (renews <t:1705181223>)",
    "🔄",
    "⬅️",
    JOBID,
)

LABELS = (
    *(f"{letter}{number}" for letter in "UV" for number in range(1, 5)),
    *("🔄", "⬅️", "➡️", "⬆️", "⬇️", "⬅", "1️⃣", "❤️"),
    *("Upscale (Subtle)", "Redo Upscale (Creative)", "Vary (Strong)", "Vary (Region)", "Zoom Out 2x", "Custom Zoom"),
    *("Make Square", "Animate (High motion)", "Extend (Low motion)", "Web", "Favorite", "x" * 200),
)

_short = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=40),
    st.lists(st.sampled_from(NASTY), max_size=6).map("".join),
)
texts = st.one_of(
    _short,
    st.builds(lambda part, times: (part * times)[:5000], st.sampled_from(NASTY), st.integers(50, 5000)),
)
"""Any text, mostly of the kind that breaks a Discord message."""

labels = st.lists(st.one_of(st.sampled_from(LABELS), _short), max_size=40).map(tuple)
"""The labels of a job's buttons; short ones, because forty long texts would take most of a test's time."""

times = st.none() | st.datetimes(timezones=st.just(UTC))

_attachments = st.lists(
    st.builds(Attachment, url=texts, filename=texts, content_type=texts, size=st.integers(0, 10**12)), max_size=2
).map(tuple)
_verbs = ("imagine", "button", "blend", "describe", *sorted(ACCOUNT_VERBS), *sorted(SEED_VERBS))

jobs = st.builds(
    Job,
    jobid=st.sampled_from((JOBID, "x")) | texts,
    verb=st.sampled_from(_verbs) | texts,
    status=st.sampled_from(Status).map(str) | texts,
    parent_jobid=texts,
    seed=st.none()
    | st.builds(
        Seed, value=st.sampled_from(("", "123456789", "9" * 60)) | texts, content=texts, attachments=_attachments
    ),
    created=times,
    updated=times,
    prompt=texts,
    blend_urls=st.lists(texts, max_size=5).map(tuple),
    describe_url=texts,
    button=st.sampled_from(LABELS) | texts,
    buttons=labels,
    content=texts,
    attachments=_attachments,
    embeds=st.lists(st.builds(JobEmbed, description=texts, image_url=texts), max_size=3).map(tuple),
    image_ux=st.lists(st.builds(Media, url=texts), max_size=2).map(tuple),
    error=texts,
    error_details=texts,
    percent=st.none() | st.integers(-1000, 1000),
    halted=st.none() | st.sampled_from(Halt),
    mode=st.sampled_from(("", "fast", "relaxed, stealth")) | texts,
)
"""A job with anything in any field."""
