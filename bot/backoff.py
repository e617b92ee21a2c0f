"""Exponential backoff, the one formula for every retry."""

_LARGEST_EXPONENT = 62  # far above every cap, and far below what a float cannot hold


def backoff(
    attempt: int,
    *,
    first: float = 1.0,
    cap: float = 300.0,
    jitter: tuple[float, float] = (1.0, 1.0),
    random: float = 1.0,
) -> float:
    """Return the seconds to wait before a retry: `first` doubled `attempt` times, at most `cap`, times the jitter.

    `attempt` counts from 0. `jitter` is the range of the factor that spreads clients which failed together; `random`,
    from 0 to 1, picks the factor from it. The factor is applied after the cap, so that retries stay spread at the cap.
    """
    low, high = jitter
    return min(cap, first * 2.0 ** min(attempt, _LARGEST_EXPONENT)) * (low + (high - low) * random)
