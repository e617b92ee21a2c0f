"""Errors of pictures; the docstring of each is the sentence that a person reads.

PictureError
├── NotAllowed         the host is not listed, or its address is not public
├── PictureGone        the link has expired
├── PictureUnreachable network error: a retry may succeed
├── NoRoom             the disk is full: a retry may succeed
├── NotAPicture        the content is something else
├── TooLarge           in bytes, or in pixels
├── Unreadable         the file is broken, or the worker failed or timed out
└── NotFour            not a still picture that can be split into four
"""

from bot.errors import DarkroomError


class PictureError(DarkroomError):
    """The picture could not be fetched."""


class NotAllowed(PictureError):
    """The picture is on a host that is not on this bot's allow-list (IMAGE_HOSTS)."""


class TooLarge(PictureError):
    """The picture is too large to attach."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        """Bytes: what the host declared, else what was received before the fetch was aborted."""


class NotAPicture(PictureError):
    """The file is not a picture."""


class PictureGone(PictureError):
    """The link to the picture has expired; such links work for about a day."""


class PictureUnreachable(PictureError):
    """The picture could not be downloaded from its host."""


class NoRoom(PictureError):
    """My disk is too full for the picture."""


class Unreadable(PictureError):
    """The picture seems to be broken, so I could not resize or split it."""


class NotFour(PictureError):
    """Only a still picture can be split into four."""
