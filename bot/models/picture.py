"""Pictures that members submit, to be blended or described."""

from enum import StrEnum

import msgspec

MAX_PICTURE_BYTES = 10 * 1024 * 1024
"""The largest picture that is taken: Discord's own limit for a member without Nitro."""
MIN_BLENDED, MAX_BLENDED = 2, 5
"""How many pictures a blend takes: https://docs.midjourney.com/hc/en-us/articles/32635189884557-Blend-Images-on-Discord"""


class Dimensions(StrEnum):
    """The shape of a blend. The values are those of the database."""

    SQUARE = "square"
    """1:1."""
    PORTRAIT = "portrait"
    """2:3."""
    LANDSCAPE = "landscape"
    """3:2."""


class InputPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture whose bytes were checked: as `content`, where the provider takes bytes, and the link it came from.

    `link` is the whole signed link of Discord's attachment, which a provider without `content` fetches itself.
    """

    link: str
    content_type: str
    content: bytes | None = None

    def __repr__(self) -> str:
        """Leave the link out, which opens the picture, and the bytes."""
        size = None if self.content is None else len(self.content)
        return f"{type(self).__name__}(content_type={self.content_type!r}, bytes={size})"
