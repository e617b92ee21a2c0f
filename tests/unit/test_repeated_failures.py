"""Which messages are the trouble themselves, and which only met an outage."""

from datetime import UTC, datetime

import msgspec

from bot.delivery.repeated_failures import RepeatedFailures
from bot.models import Delivery, DeliveryKind, DeliveryState, Destination

HERE, THERE = (Destination(guild_id=100, channel_id=channel_id) for channel_id in (200, 201))


def delivery(number: int, destination: Destination = HERE) -> Delivery:
    return Delivery(
        id=number,
        kind=DeliveryKind.RESULT,
        job_id=1,
        destination=destination,
        nonce="n" * 24,
        state=DeliveryState.SENDING,
        created_at=datetime(2026, 11, 23, 12, tzinfo=UTC),
    )


def failures(repeated: RepeatedFailures, failing: Delivery, times: range) -> list[bool]:
    return [repeated.note_failed(msgspec.structs.replace(failing, attempts=attempts)) for attempts in times]


def test_an_outage_of_all_messages_is_no_messages_own_failure() -> None:
    repeated = RepeatedFailures()
    repeated.note_posted(delivery(3))  # before it
    assert not any(failures(repeated, delivery(1), range(100)) + failures(repeated, delivery(2, THERE), range(100)))


def test_a_message_that_later_ones_of_its_channel_pass_fails_by_itself_from_the_fifth_failure_on() -> None:
    repeated = RepeatedFailures()
    assert not any(failures(repeated, delivery(1), range(3)))
    repeated.note_posted(delivery(2))
    assert failures(repeated, delivery(1), range(3, 6)) == [False, True, True]


def test_a_message_that_only_other_channels_pass_is_given_longer() -> None:
    repeated = RepeatedFailures()
    assert not any(failures(repeated, delivery(1), range(5)))
    repeated.note_posted(delivery(2, THERE))
    assert failures(repeated, delivery(1), range(5, 11)) == [False, False, False, False, True, True]


def test_what_was_posted_starts_again() -> None:
    repeated = RepeatedFailures()
    failures(repeated, delivery(1), range(9))
    repeated.note_posted(delivery(2))
    repeated.note_posted(delivery(1))
    assert not any(failures(repeated, delivery(1), range(20)))
