"""The only door to the database: everything that Darkroom keeps, in one file."""

from bot.store.store import Asked, Store, Wish, open_store

__all__ = ["Asked", "Store", "Wish", "open_store"]
