"""Whose queued submission is sent next: the servers take turns, and within a server its members do.

Who had a turn is next again when everyone who was waiting then has had one. So the only one of its member waits for at
most one of each other member of its server, and for at most one of each other server; a member's own keep their order.

Who has waited the longest, since their last turn or since their oldest submission came, is next. All of that is in the
rows: the order survives a restart, and `Submissions.requeue` gives back the turn of a submission that was not taken.
A time in the future, which a wall clock that was set back has left, counts as long past.
"""

from bot.models import ServerSettings
from bot.store.submission_statements import QUEUED, RUNNING

WAITING = f"submissions INDEXED BY submissions_open WHERE {QUEUED} AND provider = :provider AND waits_for IS NULL"
"""What waits for a slot of the provider, after FROM; without the hint, an index that is ordered by server is read."""
DEFAULT_RUNNING = ServerSettings().running
"""The value of `:running` for `SENDABLE`."""

_SENDABLE = f"""
    SELECT waiting.*, coalesce(json_extract(settings, '$.running'), :running) AS running_limit
    FROM (SELECT * FROM {WAITING}) AS waiting LEFT JOIN servers USING (guild_id)
    WHERE answered AND NOT coalesce(json_extract(settings, '$.paused'), 0)
    AND NOT (tier = 'pick' AND EXISTS (
        SELECT 1 FROM submissions AS twin WHERE twin.parent_id = waiting.parent_id
        AND twin.button = waiting.button AND twin.state IN ('sent', 'unconfirmed')))
"""
SENDABLE = f"""
    running AS (
        SELECT guild_id, user_id, count(*) AS number FROM ({RUNNING}) WHERE provider = :provider
        GROUP BY guild_id, user_id
    ),
    sendable AS (
        SELECT *, tier <> 'pick' AND NOT by_moderator AND running_limit <
            coalesce(number, 0) + sum(tier <> 'pick') OVER (PARTITION BY guild_id, user_id ORDER BY id) AS deferred
        FROM ({_SENDABLE}) LEFT JOIN running USING (guild_id, user_id)
    )
"""
"""`sendable`: the rows that may be sent; `deferred`: not before one of their member's running jobs is over.

Left out are those whose pressers are not known to have seen them taken, those of paused servers, and U1-U4 while the
same button was sent for another server: its outcome decides.
"""


def in_turn(waiting: str) -> str:
    """`in_turn`: the row ids of `waiting`, a table or a query in brackets, each with its `place` from 1."""
    server_turn = _last_turn("earlier.guild_id = waiting.guild_id")
    member_turn = _last_turn("earlier.guild_id = waiting.guild_id AND earlier.user_id = waiting.user_id")
    return f"""
    waiting AS (SELECT *, iif(created_at <= :now, created_at, 0) AS came_at FROM {waiting}),
    member_turns AS (
        SELECT *, row_number() OVER (PARTITION BY guild_id, user_id ORDER BY id) AS member_round,
            max(min(came_at) OVER (PARTITION BY guild_id, user_id),
                coalesce(({member_turn}), 0)) AS member_since
        FROM waiting
    ),
    server_turns AS (
        SELECT id, row_number() OVER (PARTITION BY guild_id ORDER BY member_round, member_since, id) AS server_round,
            max(min(came_at) OVER (PARTITION BY guild_id), coalesce(({server_turn}), 0)) AS server_since
        FROM member_turns AS waiting
    ),
    in_turn AS (
        SELECT id, row_number() OVER (ORDER BY server_round, server_since, id) AS place FROM server_turns
    )
    """


def _last_turn(whose: str) -> str:
    return f"""SELECT sent_at FROM submissions AS earlier WHERE earlier.provider = :provider AND {whose}
        AND sent_at <= :now ORDER BY sent_at DESC LIMIT 1"""
