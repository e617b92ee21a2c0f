"""What an answer of Discord means for a delivery."""

from datetime import UTC, datetime

import pytest

from bot.delivery import retry_policy
from bot.models import Delivery, DeliveryKind, DeliveryState, Destination

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


@pytest.mark.parametrize(("status", "code"), REFUSALS)
@pytest.mark.parametrize(
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
    unsent = retry_policy.is_unsent(refused, requests)
    decision = retry_policy.after_refusal(refused, status, code, NOW, unsent=unsent)
    assert decision.unsent is proof


def test_an_answer_that_never_came_proves_nothing() -> None:
    assert not retry_policy.after_error(delivery(), upload_timeout=False, random=0.5).unsent
