"""Reads a Dockerfile, as far as ours goes, and says what is wrong with one."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """An instruction: its word in capitals, and the rest of its line, continuation lines joined."""

    word: str
    rest: str

    def words(self) -> list[str]:
        """The rest as words: the JSON form, else as a shell splits it."""
        return json.loads(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)


@dataclass
class BotHarness:
    """From one FROM to the next."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)

    def last(self, word: str) -> Step | None:
        return next((step for step in reversed(self.steps) if step.word == word), None)


def read(text: str) -> list[BotHarness]:
    """The stages of a Dockerfile."""
    stages: list[BotHarness] = []
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", " ", lines).splitlines():
        if not line.strip():
            continue
        word, _, rest = line.strip().partition(" ")
        step = Step(word.upper(), rest.strip())
        if step.word == "FROM":
            base, *name = re.split(r"\s+AS\s+", step.rest, flags=re.IGNORECASE)
            stages.append(BotHarness(base, name[0] if name else ""))
        else:
            stages[-1].steps.append(step)
    return stages


def ignored(path: str, rules: str) -> bool:
    """Whether a .dockerignore keeps a path out: the last rule that fits it, or a folder above it, counts."""
    out = False
    parts = path.split("/")
    above = ["/".join(parts[:number]) for number in range(1, len(parts) + 1)]
    for rule in (line.strip() for line in rules.splitlines()):
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.removeprefix("!").removeprefix("**/")
        names = [part for each in above for part in (each, each.rsplit("/", 1)[-1])] if "**/" in rule else above
        if any(fnmatch(name, pattern) for name in names):
            out = not rule.startswith("!")
    return out


def complaints(text: str, ignore: str, root: Path) -> Iterator[str]:
    """What hadolint, and the people who attack containers, would point at."""
    stages = read(text)
    for stage in stages:
        tag = stage.base.partition(":")[2]
        if tag in {"", "latest"}:
            yield f"FROM {stage.base} names no version"
        elif not re.search(r"@sha256:[0-9a-f]{64}$", tag):
            yield f"FROM {stage.base} names no digest"
        yield from _complaints_of(stage, {each.name for each in stages}, ignore, root)
    final = stages[-1]
    user = final.last("USER")
    if user is None or re.match(r"(root|0)\b", user.rest):
        yield "the last USER is root"
    elif not re.fullmatch(r"\d+:\d+", user.rest):
        yield "USER is no number, so nobody can check that it is not root"
    for word in ("HEALTHCHECK", "ENTRYPOINT", "CMD", "VOLUME", "STOPSIGNAL"):
        if final.last(word) is None:
            yield f"there is no {word}"
    for word in ("ENTRYPOINT", "CMD"):
        if (step := final.last(word)) and not step.rest.startswith("["):
            yield f"{word} runs in a shell, which keeps signals to itself"


def _complaints_of(stage: BotHarness, stages: set[str], ignore: str, root: Path) -> Iterator[str]:
    for step in stage.steps:
        if step.word == "ADD":
            yield "ADD does more than it says; COPY"
        if step.word in {"ENV", "ARG"} and re.search(r"TOKEN|SECRET|PASSWORD", step.rest):
            yield f"{step.word} keeps a secret in the image"
        if step.word == "RUN" and "apt-get install" in step.rest:
            required = ("apt-get update", "--no-install-recommends", "rm -rf /var/lib/apt/lists/*", "-y")
            yield from (f"RUN apt-get install without {part}" for part in required if part not in step.rest)
        if step.word == "RUN" and "pip install" in step.rest:
            yield from (
                f"pip install without {part}"
                for part in ("--require-hashes", "--no-cache-dir")
                if part not in step.rest
            )
        if step.word == "COPY":
            yield from _complaints_of_copy(step, stages, ignore, root)


def _complaints_of_copy(step: Step, stages: set[str], ignore: str, root: Path) -> Iterator[str]:
    *sources, _ = step.words()
    if sources[0].startswith("--from="):
        if sources[0].removeprefix("--from=") not in stages:
            yield f"COPY {sources[0]} names no stage"
        return
    for source in sources:
        if not (root / source).exists():
            yield f"COPY {source}: there is none"
        elif ignored(source, ignore):
            yield f"COPY {source}: .dockerignore keeps it out"
