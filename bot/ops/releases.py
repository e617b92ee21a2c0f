"""Where the releases of this Darkroom are, and which is the newest: one request, which says nothing about the bot."""

import re
from pathlib import Path

import aiohttp

from bot.models.release import Release
from bot.settings import UPDATE_CHECK_OFF, UPDATE_CHECK_ON

_PACKAGE = Path(__file__).parents[1]
_WRITTEN_BY_RELEASE = _PACKAGE / "repository"  # in the wheel and the image, see .github/workflows/release.yml
_GIT_CONFIG = _PACKAGE.parent / ".git" / "config"
_ORIGIN = re.compile(r'^\[remote "origin"\]$(?P<section>(?:\n\s+.*)*)', re.MULTILINE)
_GITHUB = re.compile(
    r"url = (?:(?:https|ssh)://)?(?:\S+@)?github\.com[:/](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?$", re.MULTILINE
)
_PAGE = re.compile(r"/releases/tag/v?(?P<version>[0-9.]{5,20})(?=[/?#]|$)")
_TIMEOUT_SECONDS = 15.0
_HEADERS = {"User-Agent": "Darkroom"}  # aiohttp's own names the versions of Python and aiohttp


def repository_of(update_check: str) -> str | None:
    """The address of the repository whose releases are looked up, by the setting; `None` if that is off or unknown.

    It is the one named in the setting, else that of the release that this copy is from, else GitHub's of a checkout.
    """
    if update_check == UPDATE_CHECK_OFF:
        return None
    if update_check != UPDATE_CHECK_ON:
        return update_check.removesuffix("/releases")
    return _read(_WRITTEN_BY_RELEASE).strip() or github_origin(_read(_GIT_CONFIG))


def github_origin(git_config: str) -> str | None:
    """The address of GitHub's repository that a checkout was cloned from, without credentials; else `None`."""
    origin = _ORIGIN.search(git_config)
    found = None if origin is None else _GITHUB.search(origin["section"])
    return None if found is None else f"https://github.com/{found['name']}"


async def newest_release(repository: str) -> Release | None:
    """Look up the newest release of a repository; `None` if it has none, or could not be reached.

    One GET of `/releases/latest`, which GitHub and Forgejo answer with a redirect to the page of the newest release:
    https://docs.github.com/en/repositories/releasing-projects-on-github/linking-to-releases. The redirect is not
    followed, and no body is read.
    """
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=_HEADERS, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(f"{repository}/releases/latest", allow_redirects=False) as response,
        ):
            version = version_in(response.headers.get("Location", ""))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None
    return None if version is None else Release(version=version, page=f"{repository}/releases")


def version_in(page: str) -> str | None:
    """The version in the address of a release's page; `None` for another page, and for a pre-release."""
    found = _PAGE.search(page)
    return None if found is None else found["version"]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
