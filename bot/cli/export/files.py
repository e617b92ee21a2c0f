"""The folder of an export: which jobs are complete in it, and its pictures."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import IO

import msgspec

from bot.errors import StartError

PICTURES = "pictures"
_PROGRESS = "progress.jsonl"


class SavedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A picture or video in the folder `pictures`; its measures in pixels are 0 where unknown."""

    name: str
    size: int
    width: int = 0
    height: int = 0
    video: bool = False
    spoiler: bool = False


class SavedPost(msgspec.Struct, frozen=True, kw_only=True):
    """A job's post that is complete in the folder."""

    key: str
    channel_id: int
    message_id: int
    files: tuple[SavedFile, ...] = ()


class ExportFolder:
    """A folder with an export of one server, or an empty one; raises `StartError` for any other.

    Each complete post is a line of `progress.jsonl`, written as soon as its files are there.
    """

    def __init__(self, path: Path, guild_id: int) -> None:
        self.path = path
        self.pictures = path / PICTURES
        self.saved: dict[str, SavedPost] = {}
        try:
            self._open(guild_id)
        except OSError as error:
            raise StartError(f"The folder {path} cannot be written: {error.strerror}.") from None

    def _open(self, guild_id: int) -> None:
        file = self.path / _PROGRESS
        self.path.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            if any(self.path.iterdir()):
                raise StartError(f"The folder {self.path} is not empty. Name a new one, or one with an export.")
            file.write_text(json.dumps({"server": str(guild_id)}) + "\n", encoding="utf-8")
        self.pictures.mkdir(exist_ok=True)
        head, *lines = file.read_bytes().splitlines(keepends=True)
        if head.strip() != json.dumps({"server": str(guild_id)}).encode():
            raise StartError(f"The folder {self.path} has an export of another server. Name a new one.")
        whole = [line for line in lines if line.endswith(b"\n")]  # the last one may be cut
        for line in whole:
            post = msgspec.json.decode(line, type=SavedPost)
            if all((self.pictures / each.name).is_file() for each in post.files):
                self.saved[post.key] = post
        if whole != lines:
            file.write_bytes(b"".join((head, *whole)))

    def note(self, post: SavedPost) -> None:
        """Note that all files of a post are in the folder."""
        with (self.path / _PROGRESS).open("ab") as file:
            file.write(msgspec.json.encode(post) + b"\n")
        self.saved[post.key] = post

    def sweep(self, kept: Collection[str]) -> None:
        """Delete all pictures but those of these names: of deleted posts, and what an interrupted download left."""
        for file in self.pictures.iterdir():
            if file.name not in kept:
                file.unlink()

    def replace(self, name: str) -> "_Replaced":
        """Write a file of this name as a whole: `with folder.replace("index.html") as file`."""
        return _Replaced(self.path / name)


class _Replaced:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")

    def __enter__(self) -> IO[str]:
        self._file = self._part.open("w", encoding="utf-8")
        return self._file

    def __exit__(self, kind: object, *_: object) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
