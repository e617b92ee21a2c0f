"""The only HTTP to picture hosts, and the only resizing, splitting and joining of pictures: see `ImageClient`.

A fetch passes three checks: the list of allowed hosts, a socket that rejects addresses that are not public, and bounds
on size, time and number. Whatever has to be decoded is decoded in a separate process, `bot.images.worker`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bot.images.errors import (
    NoRoom,
    NotAllowed,
    NotAPicture,
    NotFour,
    PictureError,
    PictureGone,
    PictureUnreachable,
    TooLarge,
    Unreadable,
)
from bot.images.sniffing import VIDEO, Fitted, Picture

if TYPE_CHECKING:
    from bot.images.cdn_links import link_ends, names_the_payer
    from bot.images.client import LARGEST, ImageClient
    from bot.images.ssrf import NotPublic, is_public, on_allow_list, public_socket
    from bot.images.worker_pool import PIXELS

__all__ = [
    "LARGEST",
    "PIXELS",
    "VIDEO",
    "Fitted",
    "ImageClient",
    "NoRoom",
    "NotAPicture",
    "NotAllowed",
    "NotFour",
    "NotPublic",
    "Picture",
    "PictureError",
    "PictureGone",
    "PictureUnreachable",
    "TooLarge",
    "Unreadable",
    "is_public",
    "link_ends",
    "names_the_payer",
    "on_allow_list",
    "public_socket",
]

_MODULES = {
    "LARGEST": "client",
    "PIXELS": "worker_pool",
    "ImageClient": "client",
    "NotPublic": "ssrf",
    "is_public": "ssrf",
    "link_ends": "cdn_links",
    "names_the_payer": "cdn_links",
    "on_allow_list": "ssrf",
    "public_socket": "ssrf",
}


def __getattr__(name: str) -> Any:
    """Import the rest when it is first asked for: the worker's process runs this file, too, and needs no aiohttp."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
