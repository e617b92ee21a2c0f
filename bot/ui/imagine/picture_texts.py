"""What is wrong with a file that a member attached, as a sentence for them. Pure."""

from math import ceil

from bot import formatting
from bot.images import (
    PIXELS,
    VIDEO,
    NoRoom,
    NotAllowed,
    NotAPicture,
    Picture,
    PictureError,
    PictureGone,
    TooLarge,
    Unreadable,
)
from bot.models import MAX_BLENDED, MAX_PICTURE_BYTES, MIN_BLENDED

NO_PICTURE = "There's no picture in this message."
NOT_UPLOADED = "I only take pictures that were uploaded to Discord, not links. Attach the picture itself."
BLEND_NUMBER = f"A blend takes {MIN_BLENDED} to {MAX_BLENDED} pictures."

_MEGABYTE = 1024 * 1024


def empty(name: str) -> str:
    """It has no bytes."""
    return f"{_bold(name)} is empty: it has 0 bytes. Attach it again."


def too_large(name: str, size: int) -> str:
    """It has more bytes than are taken: rounded up, so that it never seems to have just as many."""
    has, limit = ceil(size / _MEGABYTE), MAX_PICTURE_BYTES // _MEGABYTE
    return f"{_bold(name)} has {has} MB. A picture may have up to {limit} MB."


def problem(name: str, picture: Picture) -> str | None:
    """What is wrong with a picture that was read; `None` if it can be sent."""
    if picture.content_type == VIDEO or not picture.width or not picture.height:
        return _not_a_picture(name)
    if picture.animated:
        return f"{_bold(name)} is animated. Attach a still picture."
    if picture.cmyk:
        return f"{_bold(name)} is in CMYK, the colours of print. Save it in RGB and attach it again."
    if picture.width * picture.height > PIXELS:
        size = f"{picture.width:,} × {picture.height:,} pixels"
        return f"{_bold(name)} has {size}. A picture may have up to {PIXELS // 1_000_000} million in all."
    return None


def refused(name: str, error: PictureError) -> str:
    """Why a file was not read."""
    match error:
        case NotAPicture() | Unreadable():
            return _not_a_picture(name)
        case TooLarge():
            return too_large(name, max(error.size, MAX_PICTURE_BYTES + _MEGABYTE))
        case PictureGone():
            return f"{_bold(name)} was deleted, or its link has expired. Attach it again."
        case NotAllowed():
            return NOT_UPLOADED
        case NoRoom():
            return "My disk is too full for pictures at the moment, so nothing was sent. Please try again later."
        case _:
            return f"I couldn't download {_bold(name)} from Discord, so nothing was sent. Please try again."


def _not_a_picture(name: str) -> str:
    return f"{_bold(name)} isn't a picture that I can read. Attach a PNG, JPEG, WebP or GIF."


def _bold(name: str) -> str:
    return f"**{formatting.plain(name, 60) or 'The file'}**"
