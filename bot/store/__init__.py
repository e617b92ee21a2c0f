"""The only door to the database: everything that Darkroom keeps, in one file."""

from bot.store.store import Store, open_store
from bot.store.subscription_lists import Wait
from bot.store.subscriptions import Asked, Wish

__all__ = ["Asked", "Store", "Wait", "Wish", "open_store"]
