"""The circuit breaker's states, in virtual time."""

import asyncio

from bot.circuit_breaker import BreakerState, CircuitBreaker
from bot.errors import Busy, ProviderServerError
from bot.wakeup import loop_time
from tests.clock import VirtualTime

event_loop_factory = VirtualTime


async def test_it_opens_probes_and_closes() -> None:
    breaker = CircuitBreaker()
    assert (breaker.state, breaker.limit(8)) == (BreakerState.CLOSED, 8)
    assert breaker.failed(ProviderServerError()) == 1
    breaker.pause(10)
    assert (breaker.state, breaker.limit(8), breaker.seconds_left) == (BreakerState.OPEN, 1, 10)
    await asyncio.sleep(10)
    assert (breaker.state, breaker.limit(8)) == (BreakerState.PROBING, 1)
    assert breaker.failed(ProviderServerError()) == 2, "so that the next pause is longer"
    breaker.pause(20)
    await asyncio.sleep(20)
    assert breaker.succeeded()
    assert (breaker.state, breaker.error) == (BreakerState.CLOSED, None)
    assert breaker.failed(ProviderServerError()) == 1, "the next outage begins with short pauses"


async def test_requests_that_fail_side_by_side_are_one_failure_with_the_longest_pause() -> None:
    breaker = CircuitBreaker()
    for pause in (5, 120, 5):
        assert breaker.failed(Busy()) == 1
        breaker.pause(pause)
    assert breaker.seconds_left == 120


async def test_an_answer_to_a_request_from_before_the_failure_does_not_close_it() -> None:
    breaker = CircuitBreaker()
    sent_at = loop_time()
    await asyncio.sleep(1)
    breaker.failed(Busy())
    breaker.pause(10)
    assert not breaker.succeeded(), "when it was sent is not known, and the breaker is open"
    await asyncio.sleep(15)
    assert not breaker.succeeded(sent_at)
    assert breaker.state is BreakerState.PROBING
    assert breaker.succeeded(loop_time())


async def test_another_kind_of_error_resets_the_count_where_the_breaker_is_set_so() -> None:
    for by_kind, counts in ((True, [1, 2, 1]), (False, [1, 2, 3])):
        breaker = CircuitBreaker(count_by_kind=by_kind)
        seen = []
        for error in (Busy(), Busy(), ProviderServerError()):
            seen.append(breaker.failed(error))
            breaker.pause(1)
            await asyncio.sleep(1)
        assert seen == counts


async def test_a_pause_without_a_failure_leaves_it_closed() -> None:
    breaker = CircuitBreaker()
    breaker.pause(5)
    assert (breaker.state, breaker.paused) == (BreakerState.CLOSED, True)
    breaker.end_pause()
    assert not breaker.paused
