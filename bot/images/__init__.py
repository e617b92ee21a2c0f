"""The only door to picture hosts, and the only way to a smaller or a cut picture: see `ImageClient`.

Three walls stand one behind the other: the list of hosts, a socket that refuses every address that is not public, and
bounds on size, time and number. What has to be decoded is decoded in a process of its own, `bot.images.worker`.
"""

from bot.images.cdn_links import link_ends, names_the_payer
from bot.images.client import LARGEST, ImageClient
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
