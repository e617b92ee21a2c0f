"""What can be wrong with a picture; the docstring of each is the sentence that a person reads.

PictureError
├── NotAllowed         not on the list, or inside some network
├── PictureGone        the link has died
├── PictureUnreachable trouble on the way: another try may work
├── NoRoom             the disk takes no more: another try may work
├── NotAPicture        what came is something else
├── TooLarge           in bytes, or in pixels
├── Unreadable         broken, or the work on it came to nothing
└── NotFour            there is nothing to split in four
"""

from bot.errors import DarkroomError


class PictureError(DarkroomError):
    """The picture could not be fetched."""


class NotAllowed(PictureError):
    """The picture lies on a host that is not on this bot's list (IMAGE_HOSTS)."""


class TooLarge(PictureError):
    """The picture is too large to attach."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        """Bytes: what the host declared, else what had come when it was enough."""


class NotAPicture(PictureError):
    """What came was no picture."""


class PictureGone(PictureError):
    """The picture is no longer there; such links live for about a day."""


class PictureUnreachable(PictureError):
    """The picture's host did not deliver it."""


class NoRoom(PictureError):
    """There is no room on my disk for the picture."""


class Unreadable(PictureError):
    """The picture seems to be broken, so I could not work on it."""


class NotFour(PictureError):
    """Only a still picture can be split in four."""
