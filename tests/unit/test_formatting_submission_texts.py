"""The sentences about a submission, from its place in the queue to the notice in the channel."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given

from bot import formatting
from bot.models import CostTier, Destination, Person, Submission, SubmissionKind, SubmissionState
from tests.strategies import texts
from tests.table import table

JUMP = "https://discord.com/channels/1/2/3"
CASTLE = formatting.Link("castle in the fog", JUMP)
V3 = Submission(
    id=1,
    reference="reference",
    parent_id=1,
    button="V3",
    tier=CostTier.VARY,
    destination=Destination(guild_id=100, channel_id=200),
    person=Person(id=7, name="Mira"),
    created_at=datetime(2026, 11, 25, 12, tzinfo=UTC),
)


def v3(**fields: Any) -> Submission:
    return msgspec.structs.replace(V3, **fields)


@table(
    ("position", "sentence"),
    [
        (1, "V3 is queued (1st). Cancel it in `/jobs`."),
        (2, "V3 is queued (2nd). Cancel it in `/jobs`."),
        (3, "V3 is queued (3rd). Cancel it in `/jobs`."),
        (4, "V3 is queued (4th). Cancel it in `/jobs`."),
        (11, "V3 is queued (11th). Cancel it in `/jobs`."),
        (12, "V3 is queued (12th). Cancel it in `/jobs`."),
        (21, "V3 is queued (21st). Cancel it in `/jobs`."),
        (113, "V3 is queued (113th). Cancel it in `/jobs`."),
        (0, "V3 is waiting for the outcome of an earlier press. Cancel it in `/jobs`."),
    ],
)
def test_a_queued_press_says_its_position(position: int, sentence: str) -> None:
    assert formatting.queued(V3, position=position, reason=None) == sentence


def test_a_paused_queue_says_why_first() -> None:
    sentence = formatting.queued(V3, position=3, reason="All Midjourney slots are busy.")
    assert sentence == "All Midjourney slots are busy. V3 is queued (3rd). Cancel it in `/jobs`."


def test_a_lost_answer_asks_not_to_press_again() -> None:
    assert formatting.unconfirmed(V3) == (
        "useapi.net did not confirm that Midjourney received V3. I'm checking for up to 3 minutes, please don't press "
        "it again until then."
    )


def test_a_repeated_pick_links_to_what_it_made() -> None:
    used = v3(button="U1", state=SubmissionState.REPEATED)
    assert (
        formatting.repeated(used, JUMP, done=True) == f"U1 was already picked, so this was free: [see it here]({JUMP})"
    )
    assert formatting.repeated(used, JUMP, done=False).endswith(f"[follow it here]({JUMP})")
    assert formatting.repeated(used, None, done=False).endswith("so this was free. I'll post it here.")


def test_the_reasons_for_declining_are_for_the_presser_only() -> None:
    declined = v3(state=SubmissionState.DECLINED, error="Banned prompt detected\nThe word fog is banned")
    assert formatting.declined(declined) == (
        "Midjourney declined this one.\n**Banned prompt detected**\nThe word fog is banned"
    )
    assert formatting.ended(declined) == "Midjourney declined V3."
    assert "fog is banned" not in formatting.notice(declined, parent=CASTLE, child_url=None)


@table(
    ("fields", "child_url", "outcome"),
    [
        ({"state": SubmissionState.ACCEPTED}, None, "V3 is on its way. I'll post it here."),
        ({"state": SubmissionState.REFUSED, "error": "This prompt is too long."}, None, "This prompt is too long."),
        ({"state": SubmissionState.REPEATED}, None, "V3 was already picked, so this was free. I'll post it here."),
        (
            {"state": SubmissionState.REPEATED},
            JUMP,
            f"V3 was already picked, so this was free: [see it here]({JUMP})",
        ),
    ],
)
def test_a_notice_mentions_the_presser_and_names_the_button(
    fields: dict[str, Any], child_url: str | None, outcome: str
) -> None:
    notice = formatting.notice(v3(**fields), parent=CASTLE, child_url=child_url)
    assert notice == f"<@7> {outcome}\n-# V3 of [castle in the fog]({JUMP})"


def test_a_notice_does_without_a_parents_post() -> None:
    accepted = v3(state=SubmissionState.ACCEPTED)
    assert formatting.notice(accepted, parent=None, child_url=None).endswith("\n-# V3")
    unnamed = formatting.Link("🐱", JUMP)
    assert formatting.notice(accepted, parent=unnamed, child_url=None).endswith(f"\n-# V3 of [this picture]({JUMP})")


CASTLE_PROMPT = msgspec.structs.replace(
    V3, kind=SubmissionKind.IMAGINE, parent_id=None, button="", prompt="a castle in the *fog* --ar 3:2"
)


def test_a_prompt_is_quoted_to_its_author_and_to_nobody_else() -> None:
    assert formatting.taken(CASTLE_PROMPT) == "On it: “a castle in the \\*fog\\* --ar 3:2”."
    assert formatting.is_taken(formatting.taken(CASTLE_PROMPT))
    assert formatting.queued(CASTLE_PROMPT, position=2, reason=None) == (
        "“a castle in the \\*fog\\* --ar 3:2” is queued (2nd). Cancel it in `/jobs`."
    )
    assert formatting.unconfirmed(CASTLE_PROMPT).endswith("please don't send it again until then.")
    declined = msgspec.structs.replace(CASTLE_PROMPT, state=SubmissionState.DECLINED, error="Banned prompt detected")
    assert formatting.notice(declined, parent=None, child_url=None) == (
        "<@7> Midjourney declined your prompt.\n-# /imagine"
    )
    for state, sentence in (
        (SubmissionState.ACCEPTED, "Your prompt is on its way. I'll post it here."),
        (SubmissionState.REPEATED, "Your prompt was already sent, so this was free. I'll post it here."),
    ):
        assert formatting.ended(msgspec.structs.replace(CASTLE_PROMPT, state=state)) == sentence


@table(("kind", "name"), [(SubmissionKind.BLEND, "blend"), (SubmissionKind.DESCRIBE, "description")])
def test_what_comes_of_pictures_is_called_by_what_it_is(kind: SubmissionKind, name: str) -> None:
    submission = msgspec.structs.replace(V3, kind=kind, parent_id=None, button="")
    assert formatting.taken(submission) == f"On it: your {name}."
    queued = formatting.queued(submission, position=1, reason=None)
    assert queued == f"Your {name} is queued (1st). Cancel it in `/jobs`."
    accepted = msgspec.structs.replace(submission, state=SubmissionState.ACCEPTED)
    assert formatting.ended(accepted) == f"Your {name} is on its way. I'll post it here."
    declined = msgspec.structs.replace(submission, state=SubmissionState.DECLINED, error="Image denied")
    notice = formatting.notice(declined, parent=None, child_url=None)
    assert notice == f"<@7> Midjourney declined your {name}.\n-# /{kind}"


@given(texts, texts, texts)
def test_a_notice_fits_into_a_message_whatever_it_quotes(button: str, error: str, title: str) -> None:
    refused = v3(button=button, state=SubmissionState.REFUSED, error=error)
    assert len(formatting.notice(refused, parent=formatting.Link(title, JUMP), child_url=None)) <= 2000
