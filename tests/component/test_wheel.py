"""What a wheel of Darkroom contains. That it runs where nothing else is installed is shown by `make image-check`."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

from bot import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")))
    return Path(built)


def test_it_contains_each_file_that_the_checkout_runs_with_and_nothing_else(wheel: Path) -> None:
    files = {path.relative_to(ROOT) for folder in ("bot", "cogs") for path in (ROOT / folder).rglob("*")}
    needed = {str(path) for path in files if (ROOT / path).is_file() and "__pycache__" not in path.parts}
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {"bot/ui/panels/test-picture.webp", "bot/store/migrations/0001_the_main_job.sql"} < needed
    assert names == needed | {"bot/.env.example"}


def test_its_version_is_the_codes_and_its_command_is_darkroom(wheel: Path) -> None:
    assert wheel.name.startswith(f"darkroom-{__version__}-")
    with ZipFile(wheel) as archive:
        commands = archive.read(f"darkroom-{__version__}.dist-info/entry_points.txt").decode()
    assert commands.split() == ["[console_scripts]", "darkroom", "=", "bot.__main__:main"]
