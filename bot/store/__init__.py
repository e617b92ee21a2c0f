"""The only door to the database: everything that Darkroom keeps, in one file."""

from bot.store.store import Store, open_store
from bot.store.subscription_lists import MemberJob
from bot.store.subscriptions import SubscriptionOutcome, SubscriptionResult

__all__ = ["MemberJob", "Store", "SubscriptionOutcome", "SubscriptionResult", "open_store"]
