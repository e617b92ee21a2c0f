"""What `make` does for an admin: the list of what there is, and a .venv that is made again after an upgrade of Python.

A folder with the Makefile, a program named bot, and no packages to install stands for the checkout.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import only_long

ROOT = Path(__file__).parents[2]
PYTHON = getattr(sys, "_base_executable", sys.executable)  # not the one of a .venv

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(folder: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    alone = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    return subprocess.run(
        ["make", f"PYTHON={PYTHON}", *targets],
        cwd=folder, env=alone, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which the bot has run before."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "bot").mkdir()
    (tmp_path / "bot" / "__main__.py").write_text("print('started')\n", encoding="utf-8")
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", ".venv"], cwd=tmp_path, timeout=60, check=True)
    (tmp_path / ".venv" / "run").touch()
    assert make(tmp_path, "run").stdout.splitlines()[1:] == ["started"]
    return tmp_path


def upgrade(checkout: Path) -> None:
    """Leave .venv as it is after the machine's Python became another one: the packages lie in a folder of the old."""
    (packages,) = (checkout / ".venv" / "lib").glob("python3.*")
    packages.rename(packages.with_name("python3.4"))


def remove(checkout: Path) -> None:
    """Leave .venv as it is after the Python that it was made with was removed."""
    for link in (checkout / ".venv" / "bin").glob("python*"):
        link.unlink()
        link.symlink_to("/usr/bin/no-such-python")


@only_long
def test_a_venv_of_another_python_is_made_again(checkout: Path) -> None:
    for change in (upgrade, remove):
        change(checkout)
        again = make(checkout, "run")
        lines = again.stdout.splitlines()
        assert lines[0] == "The Python that .venv was made with is gone or was upgraded; .venv is made again."
        assert (again.returncode, lines[-1]) == (0, "started"), again.stderr
        assert "made again" not in make(checkout, "run").stdout, "once is enough"


def test_the_list_has_a_group_for_admins_and_one_for_developers() -> None:
    _, admins, developers = make(ROOT, "help").stdout.split("\n\n")
    assert (admins.splitlines()[0], developers.splitlines()[0]) == ("For admins", "For developers")
    names = [[line.split()[0] for line in group.splitlines()[1:]] for group in (admins, developers)]
    assert names[0] == ["demo", "run", "doctor", "clean"]
    assert {"setup", "check", "test"} < set(names[1])
