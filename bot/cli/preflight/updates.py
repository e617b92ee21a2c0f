"""Check whether there is a newer release of Darkroom."""

from collections.abc import Mapping
from typing import Any

from bot import __version__
from bot.cli.preflight.findings import Finding, fine, note
from bot.ops.releases import newest_release, repository_of
from bot.settings import UPDATE_CHECK_OFF


async def check_updates(values: Mapping[str, Any]) -> list[Finding]:
    """Look up the newest release; none of the findings must be fixed."""
    setting = values.get("update_check", UPDATE_CHECK_OFF)
    if setting == UPDATE_CHECK_OFF:
        return [fine("updates", f"this is {__version__}; not checked (UPDATE_CHECK=off)")]
    if (repository := repository_of(setting)) is None:
        why = "where it is from is not known; UPDATE_CHECK may be the address of its repository"
        return [fine("updates", f"this is {__version__}; not checked: {why}")]
    release = await newest_release(repository)
    if release is None:
        return [fine("updates", f"this is {__version__}; {repository}/releases could not be read")]
    if release.is_newer_than(__version__):
        todo = f"see {release.page} for what is new and what to do"
        return [note("updates", f"Darkroom {release.version} is available; this is {__version__}", todo)]
    return [fine("updates", f"{__version__} is the newest release")]
