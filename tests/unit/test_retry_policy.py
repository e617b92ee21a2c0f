"""What an answer of Discord means for a delivery."""

from datetime import UTC, datetime, timedelta

import msgspec

from bot.delivery import retry_policy
from bot.delivery.retry_policy import Action, Refusal
from bot.discord_codes import RefusalKind
from bot.models import Delivery, DeliveryKind, DeliveryState, Destination, Fallback
from tests.table import table

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def delivery(**changes: object) -> Delivery:
    fields: dict[str, object] = {
        "id": 1,
        "kind": DeliveryKind.RESULT,
        "job_id": 1,
        "destination": Destination(guild_id=100, channel_id=200),
        "nonce": "n" * 24,
        "state": DeliveryState.WAITING,
        "created_at": NOW,
    }
    return Delivery(**{**fields, **changes})  # type: ignore[arg-type]  # a mapping of mixed values


# --- whether a message may exist --------------------------------------------------------------------------------------

REFUSALS = [
    (400, 50035),
    (400, 160002),
    (401, 0),
    (403, 0),
    (403, 50001),
    (403, 50013),
    (404, 10003),
    (413, 0),
    (429, 0),
]


@table(("status", "code"), REFUSALS)
@table(
    ("state", "requests", "proof"),
    [
        (DeliveryState.WAITING, 1, True),
        (DeliveryState.WAITING, 2, False),
        (DeliveryState.WAITING, 5, False),
        (DeliveryState.SENDING, 1, False),
        (DeliveryState.SENDING, 2, False),
        (DeliveryState.WAITING, None, False),
    ],
)
def test_only_a_first_and_single_request_proves_that_nothing_was_posted(
    status: int, code: int, state: DeliveryState, requests: int | None, proof: bool
) -> None:
    refused = delivery(state=state)
    decision = retry_policy.after_refusal(refused, Refusal(status=status, code=code), NOW, requests=requests)
    assert decision.unsent is proof


def test_an_answer_that_never_came_proves_nothing() -> None:
    assert not retry_policy.after_error(delivery(), upload_timeout=False, random=0.5).unsent


# --- what is refused --------------------------------------------------------------------------------------------------


@table(
    ("status", "code", "from_discord", "kind"),
    [
        (400, 40005, True, RefusalKind.FILE),
        (413, 0, False, RefusalKind.FILE),  # a proxy's page
        (403, 400001, True, RefusalKind.FILE),
        (400, 200000, True, RefusalKind.WORDS),
        (400, 40004, True, RefusalKind.CLOSED_FOR_NOW),
        (400, 50083, True, RefusalKind.CLOSED_FOR_NOW),
        (403, 160005, True, RefusalKind.CLOSED_FOR_NOW),
        (400, 160006, True, RefusalKind.CLOSED_FOR_NOW),
        (400, 160007, True, RefusalKind.CLOSED_FOR_NOW),
        (429, 20016, True, RefusalKind.CLOSED_FOR_NOW),
        (429, 30046, True, RefusalKind.CLOSED_FOR_NOW),
        (429, 0, True, RefusalKind.HOST),
        (401, 0, True, RefusalKind.HOST),
        (403, 40333, True, RefusalKind.HOST),
        (403, 0, False, RefusalKind.HOST),
        (404, 0, False, RefusalKind.HOST),
        (404, 0, True, RefusalKind.CHANNEL),
        (404, 10003, True, RefusalKind.CHANNEL),
        (403, 50001, True, RefusalKind.CHANNEL),
        (403, 50013, True, RefusalKind.PERMISSION),
        (400, 987654, True, RefusalKind.UNKNOWN),
        (403, 987654, True, RefusalKind.UNKNOWN),
    ],
)
def test_the_code_decides_then_whose_answer_it_is_then_the_status(
    status: int, code: int, from_discord: bool, kind: RefusalKind
) -> None:
    assert Refusal(status=status, code=code, from_discord=from_discord).kind is kind


@table("state", [DeliveryState.WAITING, DeliveryState.POSTED])
def test_a_refusal_of_the_whole_bot_gives_up_no_message_however_long_it_lasts(state: DeliveryState) -> None:
    old = delivery(state=state, attempts=1000, gone_since=NOW - timedelta(days=99), fallback=Fallback.TEXT)
    for refusal in (Refusal(status=403, code=40333), Refusal(status=403, from_discord=False), Refusal(status=401)):
        decision = retry_policy.after_refusal(old, refusal, NOW, requests=1, words_omitted=True)
        assert decision.action is Action.RETRY
        assert decision.pause_all


@table("kind", list(DeliveryKind))
@table("code", [20009, 40005, 200000, 240000, 50035, 50013, 987654])
@table("status", [400, 403])
def test_every_refusal_of_a_message_leads_to_an_end(kind: DeliveryKind, status: int, code: int) -> None:
    refused, words_omitted = delivery(kind=kind), False
    for _ in range(20):
        decision = retry_policy.after_refusal(
            refused, Refusal(status=status, code=code), NOW, requests=1, words_omitted=words_omitted
        )
        if decision.action is not Action.RETRY:
            break
        words_omitted = words_omitted or decision.omit_words
        refused = msgspec.structs.replace(
            refused,
            attempts=refused.attempts + 1,
            fallback=refused.fallback if decision.fallback is None else decision.fallback,
            gone_since=NOW - timedelta(hours=1) if decision.gone else refused.gone_since,
        )
    assert decision.action is (Action.DROP if kind is DeliveryKind.STATUS_CARD else Action.GIVE_UP)


def test_a_time_out_is_waited_for_and_does_not_count_as_gone() -> None:
    refusal = Refusal(status=403, code=50013)
    unavailable = delivery(gone_since=NOW - timedelta(minutes=29), fallback=Fallback.TEXT, attempts=40)
    for minutes, seconds in ((1, 61), (240, 300)):
        decision = retry_policy.after_refusal(unavailable, refusal, NOW, requests=1)
        decision = retry_policy.after_time_out(unavailable, decision, NOW, NOW + timedelta(minutes=minutes))
        assert (decision.action, decision.pause, decision.fallback) == (Action.RETRY, seconds, Fallback.NONE)
        assert (decision.gone, decision.here, decision.unsent, decision.alert) == (False, True, True, False)
    late = delivery(created_at=NOW - timedelta(minutes=31))
    assert retry_policy.after_time_out(late, decision, NOW, NOW + timedelta(minutes=1)).alert


@table("kind", list(DeliveryKind))
@table("code", [40004, 50083, 160005, 160006, 160007, 20016])
def test_a_channel_that_is_closed_for_now_is_tried_again_however_long_it_lasts(kind: DeliveryKind, code: int) -> None:
    old = delivery(kind=kind, attempts=1000, gone_since=NOW - timedelta(days=1), fallback=Fallback.TEXT)
    decision = retry_policy.after_refusal(old, Refusal(status=400, code=code), NOW, requests=1, words_omitted=True)
    assert decision.action is (Action.DROP if kind is DeliveryKind.STATUS_CARD else Action.RETRY)
    assert decision.fallback is None, "the post stays whole"
