"""A release of Darkroom, and which of two is newer."""

import re
from dataclasses import dataclass

_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A published version, such as "0.2.0", and the address of the page that describes it."""

    version: str
    page: str

    def is_newer_than(self, version: str) -> bool:
        """Whether it has a higher version; `False` where either is not three numbers, such as a pre-release."""
        this, other = _VERSION.fullmatch(self.version), _VERSION.fullmatch(version)
        return this is not None and other is not None and _numbers(this) > _numbers(other)


def _numbers(version: re.Match[str]) -> tuple[int, ...]:
    return tuple(map(int, version.groups()))
