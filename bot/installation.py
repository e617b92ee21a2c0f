"""Whether Darkroom runs from a checkout, was installed as a package, or is in the image, and what differs then."""

import sys
from pathlib import Path

_PACKAGE = Path(__file__).parent
_EXAMPLE = ".env.example"


def is_installed() -> bool:
    """Whether Darkroom was installed from a wheel, which holds the example of the settings inside the package."""
    return (_PACKAGE / _EXAMPLE).exists()


def example_settings() -> Path | None:
    """The example of the settings; `None` in the image, which does not contain it."""
    candidates = (_PACKAGE / _EXAMPLE, _PACKAGE.parent / _EXAMPLE)
    return next((path for path in candidates if path.exists()), None)


def command_name() -> str:
    """How this process was called, for the help: `darkroom`, or `python -m bot`."""
    return "darkroom" if Path(sys.argv[0]).stem == "darkroom" else "python -m bot"


def how_to_create_settings() -> str:
    """What an admin types to get a file of settings to fill in."""
    return "darkroom init" if is_installed() else "cp .env.example .env"


def how_to_install_packages() -> str:
    """What an admin types when the packages that Darkroom needs are missing."""
    if is_installed():
        return "`pipx reinstall darkroom` or `uv tool install --reinstall darkroom` brings all that Darkroom needs."
    return "`make .venv/run` installs all that Darkroom needs."
