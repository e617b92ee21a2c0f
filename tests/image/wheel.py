"""`make image-check`, first part: builds the wheel, installs it where nothing else is, and runs its commands there.

Needs the package index; takes one to two minutes, nearly all of them pip's.
"""

import asyncio
import os
import re
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from hatchling.builders.wheel import WheelBuilder

from tests.image.try_out import say, try_out

ROOT = Path(__file__).parents[2]


async def run_installed(scripts: Path, folder: Path) -> None:
    """Run every command that an admin types, in an empty folder, with the scripts of the environment on PATH."""
    bare = {"PATH": f"{scripts}:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}

    async def execute(words: list[str], settings: Mapping[str, str]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(*words, cwd=folder, env={**bare, **settings})

    init = await execute(["darkroom", "init", "--data", "here"], {})
    assert await init.wait() == 0, "init"
    assert (folder / "here/.env").read_bytes() == (ROOT / ".env.example").read_bytes()
    await try_out(execute, ["darkroom"], start=["run", "--data", "here"], probe=["darkroom", "health"])
    assert (folder / "here/bot.sqlite3").exists()
    assert not (folder / "data").exists(), "what --data says is the only folder"
    await demonstrate(folder, bare)


async def demonstrate(folder: Path, environment: Mapping[str, str]) -> None:
    demo = await asyncio.create_subprocess_exec(
        *("darkroom", "demo", "--no-browser"), cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert demo.stdout is not None
    try:
        line = (await asyncio.wait_for(demo.stdout.readline(), 60)).decode()
        (address,) = re.findall(r"http://\S+", line)
        with await asyncio.to_thread(urllib.request.urlopen, address, timeout=20) as page:
            assert page.status == 200
    finally:
        demo.terminate()
        status = await demo.wait()
    assert status == 0
    say("  the demo served its page")


def main() -> int:
    began = time.monotonic()
    with TemporaryDirectory(prefix="darkroom-wheel-") as scratch:
        folder = Path(scratch)
        (wheel,) = WheelBuilder(str(ROOT)).build(directory=scratch)
        say(f"Built {Path(wheel).name}, {Path(wheel).stat().st_size >> 10} kB")
        venv.create(folder / "environment", with_pip=True)
        scripts = folder / "environment/bin"
        command = [str(scripts / "python"), "-m", "pip", "install", "--quiet", f"{wheel}[demo]"]
        subprocess.run(command, check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
        asyncio.run(run_installed(scripts, folder))
    say(f"The wheel works; {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
