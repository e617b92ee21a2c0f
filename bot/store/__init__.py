"""Everything that Darkroom keeps, in one SQLite file; the only SQL.

`Store` is composed of one repository per subject. `connection` holds the one connection to the file, the `*_statements`
modules what several transactions share. Times in the database are seconds since 1970, outside they are aware UTC. Every
method that changes something is one transaction.
"""

from bot.store.stars import Starred
from bot.store.store import Store, open_store
from bot.store.subscription_statements import SubscriptionOutcome, SubscriptionResult
from bot.store.subscriptions import MemberJob
from bot.store.undelivered import UndeliveredResult

__all__ = [
    "MemberJob",
    "Starred",
    "Store",
    "SubscriptionOutcome",
    "SubscriptionResult",
    "UndeliveredResult",
    "open_store",
]
