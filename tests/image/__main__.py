"""`make image-check`, second part: runs the Dockerfile's steps in a bare Debian root, then the bot in what came of it.

Needs root, debootstrap and the network; takes one to two minutes. What it cannot say without a container engine:
whether Docker itself reads the file as we do, and whether compose.yaml starts.
"""

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.image.dockerfile import BotHarness, Step, complaints, ignored, read
from tests.image.try_out import say, try_out

ROOT = Path(__file__).parents[2]
PROGRAMS = ("debootstrap", "chroot", "mount", "umount", "cp")
CERTIFICATE = "/certificate-of-this-machine.crt"
BARE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


class Root:
    """A folder that a stage is built in, with the settings that its later steps go by."""

    def __init__(self, folder: Path, stage: BotHarness) -> None:
        self.folder = folder
        self.stage = stage
        self.environment = dict(BARE)
        self.workdir = "/"

    def build(self, stages: dict[str, "Root"], ignore: str) -> None:
        for step in self.stage.steps:
            say(f"  {step.word} {step.rest[:100]}")
            match step.word:
                case "RUN":
                    self.run(["/bin/sh", "-c", step.rest], environment=_network())
                case "COPY":
                    self._copy(step, stages, ignore)
                case "ENV":
                    name, _, value = step.rest.partition("=")
                    self.environment[name] = value
                case "WORKDIR":
                    self.workdir = step.rest
                    self.inside(step.rest).mkdir(parents=True, exist_ok=True)
                case "USER" | "VOLUME" | "STOPSIGNAL" | "HEALTHCHECK" | "ENTRYPOINT" | "CMD":
                    pass
                case other:
                    sys.exit(f"This check does not know {other}")

    def inside(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    def run(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        subprocess.run(
            ["chroot", str(self.folder), *command], env={**self.environment, **(environment or {})}, check=True
        )

    def _copy(self, step: Step, stages: dict[str, "Root"], ignore: str) -> None:
        *sources, target = step.words()
        for source in sources:
            if source.startswith("--from="):
                continue
            if sources[0].startswith("--from="):
                origin = stages[sources[0].removeprefix("--from=")].inside(source)
                shutil.copytree(origin, self.inside(target), symlinks=True, dirs_exist_ok=True)
                continue
            self.inside(target).parent.mkdir(parents=True, exist_ok=True)
            _copy_context(ROOT / source, self.inside(target), ignore)


def _copy_context(source: Path, target: Path, ignore: str) -> None:
    if source.is_file():
        shutil.copy2(source, target)
        return

    def left_out(folder: str, names: list[str]) -> set[str]:
        here = Path(folder).relative_to(ROOT)
        return {name for name in names if ignored(str(here / name), ignore)}

    shutil.copytree(source, target, ignore=left_out)


def _network() -> dict[str, str]:
    """How this machine reaches package indexes, where it says so."""
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return proxies | ({"PIP_CERT": CERTIFICATE} if os.environ.get("PIP_CERT") else {})


def apt_source() -> str | None:
    """The address that this machine has Debian's packages from; None on a machine that is no Debian."""
    if not shutil.which("apt-get"):
        return None
    fields = ("Created-By: Packages", "Origin: Debian", "Component: main")
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", *fields]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return next((address for address in found if "security" not in address), None)


def bare_root(folder: Path, suite: str, mirror: str) -> None:
    subprocess.run(
        ["debootstrap", "--variant=minbase", suite, str(folder), mirror], check=True, stdout=subprocess.DEVNULL
    )


async def try_out_image(root: Root, folder: Path) -> None:
    """Start the bot as the image says, as its user, on a root that cannot be written; ask the HEALTHCHECK; stop it."""
    user = root.stage.last("USER")
    health, entry, start = (root.stage.last(word) for word in ("HEALTHCHECK", "ENTRYPOINT", "CMD"))
    assert user is not None
    assert health is not None
    assert entry is not None
    assert start is not None
    numbers = user.rest
    inside = [shutil.which("chroot") or "chroot", f"--userspec={numbers}", str(folder)]
    begin = ["/bin/sh", "-c", f'cd {root.workdir} && exec "$@"', "sh"]

    async def execute(words: list[str], settings: Mapping[str, str]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(*inside, *begin, *words, env={**root.environment, **settings})

    probe = Step("CMD", health.rest.partition(" CMD ")[2]).words()
    await try_out(execute, entry.words(), start=start.words(), probe=probe)
    owner = (folder / "data/bot.sqlite3").stat()
    assert f"{owner.st_uid}:{owner.st_gid}" == numbers
    written = await execute_quietly([inside[0], str(folder), "/bin/sh", "-c", "touch /etc/written"])
    assert written != 0, "this was no read-only root, so the bot has proved nothing"


async def execute_quietly(words: list[str]) -> int:
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait()


def read_only(folder: Path) -> list[list[str]]:
    """The mounts of `docker run --read-only --tmpfs /tmp` with a volume on /data, the first one first."""
    where = str(folder)
    (folder / "data").chmod(0o700)
    return [
        ["mount", "--bind", where, where],
        ["mount", "-t", "tmpfs", "tmpfs", f"{where}/tmp"],
        ["mount", "-t", "tmpfs", "-o", "uid=10001,gid=10001,mode=0700", "tmpfs", f"{where}/data"],
        ["mount", "-t", "proc", "proc", f"{where}/proc"],
        ["mount", "-o", "remount,bind,ro", where],
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    parser.add_argument("--mirror", default=apt_source(), help="of Debian; this machine's own apt source by itself")
    parser.add_argument("--base", type=Path, help="a bare root that debootstrap made before")
    options = parser.parse_args()
    text, ignore = ((ROOT / name).read_text(encoding="utf-8") for name in ("Dockerfile", ".dockerignore"))
    if found := list(complaints(text, ignore, ROOT)):
        sys.exit("\n".join(f"Dockerfile: {complaint}" for complaint in found))
    say("Dockerfile: nothing to complain about")
    if os.geteuid() != 0 or not all(map(shutil.which, PROGRAMS)):
        sys.exit(f"Its steps were not run: that needs root and {', '.join(PROGRAMS)}.")
    if options.base is None and options.mirror is None:
        sys.exit("Its steps were not run: apt has no list of Debian's packages here. Say where they are with --mirror.")
    began = time.monotonic()
    with TemporaryDirectory(prefix="darkroom-image-") as scratch:
        roots: dict[str, Root] = {}
        for number, stage in enumerate(read(text)):
            (suite,) = re.findall(r"^debian:(\w+)-slim@", stage.base)
            root = Root(Path(scratch) / str(number), stage)
            say(f"FROM {stage.base}: a bare Debian {suite}")
            if options.base:
                subprocess.run(["cp", "-a", str(options.base), str(root.folder)], check=True)
            else:
                bare_root(root.folder, suite, options.mirror)
            shutil.copy2("/etc/resolv.conf", root.inside("/etc/resolv.conf"))
            if certificate := os.environ.get("PIP_CERT"):  # behind a proxy with a certificate of its own
                shutil.copy2(certificate, root.inside(CERTIFICATE))
            root.build(roots, ignore)
            root.inside(CERTIFICATE).unlink(missing_ok=True)
            roots[stage.name or "the image"] = root
        image = roots["the image"]
        size = int(subprocess.check_output(["du", "-sk", str(image.folder)]).split()[0])
        environment = int(subprocess.check_output(["du", "-sk", str(image.inside("/opt/darkroom"))]).split()[0])
        say(f"Built in {time.monotonic() - began:.0f} s; {size >> 10} MB, {environment >> 10} of them ours")
        mounts = read_only(image.folder)
        done: list[list[str]] = []
        try:
            for mount in mounts:
                subprocess.run(mount, check=True)
                done.append(mount)
            asyncio.run(try_out_image(image, image.folder))
        finally:
            for mount in reversed(done[:-1] if len(done) == len(mounts) else done):
                subprocess.run(["umount", mount[-1]], check=False)
    say(f"The image's steps work; {time.monotonic() - began:.0f} s. Not run: Docker itself, and compose.yaml.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
