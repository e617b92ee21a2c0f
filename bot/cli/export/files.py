"""The folder of an export: the jobs that are in it, and their pictures."""

import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from bot.errors import StartError

PICTURES = "pictures"
_PROGRESS = "progress.jsonl"
_UNFINISHED = "picture-"  # begins the name of a download, see `bot.images.download`


class SavedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A picture or video in the folder `pictures`; its measures in pixels are 0 where unknown."""

    name: str
    size: int
    width: int = 0
    height: int = 0
    video: bool = False
    spoiler: bool = False


class ExportedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it is exported: `name` is its button or command, `prompt` is without addresses that name the payer.

    `key` and `parent` are short public names without `#`; the parent is a job of the same export.
    """

    key: str
    parent: str | None
    name: str
    prompt: str
    finished: datetime
    channel: str
    post: str
    files: tuple[SavedFile, ...]


class SavedPost(msgspec.Struct, frozen=True, kw_only=True):
    """A job's post that is in the folder, with all that is shown of the job: the database deletes it after KEEP_DAYS.

    `added`: when the job was added, because a later job may get the same key. `complete`: all its files are there.
    """

    channel_id: int
    message_id: int
    added: datetime
    complete: bool
    job: ExportedJob


class ExportFolder:
    """A folder with an export of one server, or an empty one; raises `StartError` for any other.

    Each post is a line of `progress.jsonl`, written as soon as its files are there. `saved` are those of earlier
    exports, by the key of the job and when it was added. A method raises `StartError` where the disk is full.
    """

    def __init__(self, path: Path, guild_id: int) -> None:
        self.path = path
        self.pictures = path / PICTURES
        self.saved: dict[tuple[str, datetime], SavedPost] = {}
        self._head = json.dumps({"server": str(guild_id)}) + "\n"
        self._names: set[str] = set()
        with self.writing():
            self._open()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Raise `StartError` where a file of the folder cannot be written."""
        try:
            yield
        except OSError as error:
            raise StartError(f"The folder {self.path} cannot be written: {error.strerror}.") from None

    def _open(self) -> None:
        file = self.path / _PROGRESS
        self.path.mkdir(parents=True, exist_ok=True)
        if not file.exists() and any(self.path.iterdir()):
            raise StartError(f"The folder {self.path} is not empty. Name a new one, or one with an export.")
        head, content = self._head.encode(), file.read_bytes() if file.exists() else b""
        if head.startswith(content):  # it is new, or the disk was full when it was
            file.write_bytes(head)
            content = head
        if not content.startswith(head):
            raise StartError(f"The folder {self.path} has an export of another server. Name a new one.")
        self.pictures.mkdir(exist_ok=True)
        whole = content.rpartition(b"\n")[0] + b"\n"  # the last line may be cut
        if whole != content:
            os.truncate(file, len(whole))
        for line in whole.removeprefix(head).splitlines():
            try:
                post = msgspec.json.decode(line, type=SavedPost)
            except (msgspec.MsgspecError, ValueError):  # written after a cut one: its post is saved again
                continue
            self._recall(post)

    def _recall(self, post: SavedPost) -> None:
        """Take a post from the progress, with those of its files that are still there."""
        self._names.update(file.name for file in post.job.files)
        files = tuple(file for file in post.job.files if (self.pictures / file.name).is_file())
        if len(files) < len(post.job.files):
            post = msgspec.structs.replace(post, complete=False, job=msgspec.structs.replace(post.job, files=files))
            if not files:  # the admin deleted it
                self.saved.pop((post.job.key, post.added), None)
                return
        self.saved[post.job.key, post.added] = post

    def note(self, post: SavedPost) -> None:
        """Note that the files of a post are in the folder."""
        with self.writing(), (self.path / _PROGRESS).open("ab") as file:
            file.write(msgspec.json.encode(post) + b"\n")
        self._names.update(each.name for each in post.job.files)

    def keep(self, posts: Collection[SavedPost]) -> None:
        """Keep these posts alone: delete the pictures of all others, and what an interrupted download left.

        A file that was never noted is left alone.
        """
        kept = {file.name for post in posts for file in post.job.files}
        with self.writing():
            for file in self.pictures.iterdir():
                if file.name not in kept and (file.name in self._names or file.name.startswith(_UNFINISHED)):
                    file.unlink()
            with self.replace(_PROGRESS) as progress:
                progress.write(self._head)
                progress.writelines(msgspec.json.encode(post).decode() + "\n" for post in posts)

    def replace(self, name: str) -> "_Replaced":
        """Write a file of this name as a whole: `with folder.replace("index.html") as file`."""
        return _Replaced(self.path / name)


class _Replaced:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")

    def __enter__(self) -> IO[str]:
        self._file = self._part.open("w", encoding="utf-8", newline="\n")
        return self._file

    def __exit__(self, kind: object, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())  # else a power cut may leave an empty file
        if kind is None:
            self._part.replace(self._path)
