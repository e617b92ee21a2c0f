"""Every setting, read once from the environment and `.env`, then frozen.

The table `SETTINGS` is the one list of them: `.env.example` and the README are checked against it.
"""

import hashlib
import hmac
import ipaddress
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from dotenv import dotenv_values

from bot.errors import SettingsError

USEAPI_URL = "https://api.useapi.net/v2"
DISCORD_API_URL = "https://discord.com/api/v10"
IMAGE_HOSTS = "cdn.discordapp.com media.discordapp.net cdn.midjourney.com"

_LONGEST_URL = 900
_ADDRESS = re.compile(
    r"https?://[a-z0-9](?:[\w.-]*[a-z0-9])?(?::(?P<port>[0-9]{1,5}))?(?:/[\w./~%+:@,;=-]*)?", re.ASCII | re.IGNORECASE
)


class Secret:
    """A token that only `reveal()` shows: its repr, str and format say `***`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The token itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the admin decided; times in seconds, `keep_days` in days.

    `allowed_guilds` is `None` where every server is welcome, `health_port` where nobody may ask how the bot does.
    """

    discord_token: Secret
    useapi_token: Secret
    allowed_guilds: frozenset[int] | None
    useapi_url: str = USEAPI_URL
    data_dir: Path = Path("data")
    poll_seconds: float = 15.0
    poll_concurrency: int = 8
    ping_after: float = 60.0
    image_hosts: tuple[str, ...] = tuple(IMAGE_HOSTS.split())
    log_level: str = "INFO"
    log_format: str = "text"
    alert_channel: int | None = None
    press_queue: int = 3
    backups: int = 7
    keep_days: int = 90
    health_port: int | None = None
    health_host: str = "127.0.0.1"
    public_url: str = ""
    webhook_port: int | None = None
    webhook_host: str = "127.0.0.1"
    discord_api_url: str = DISCORD_API_URL

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that no log line may hold."""
        called = (callback_secret(self.useapi_token),) if self.callback_url else ()
        return (self.discord_token.reveal(), self.useapi_token.reveal(), *called)

    @property
    def callback_url(self) -> str:
        """Where useapi may call when a job has news, a secret in it; empty where it shall not."""
        return callback_url(self.public_url, self.useapi_token) if self.public_url and self.webhook_port else ""


def callback_secret(useapi_token: Secret) -> str:
    """What only useapi.net knows besides us, and what each start knows again; it does not tell the token."""
    return hmac.new(useapi_token.reveal().encode(), b"darkroom callbacks", hashlib.sha256).hexdigest()[:40]


def callback_url(public_url: str, useapi_token: Secret) -> str:
    """The address at which useapi may call, below the one that the world sees."""
    return f"{public_url}/useapi/{callback_secret(useapi_token)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One setting: its name, how its text becomes a value (`ValueError` says why not), and where to get it.

    `default` is the text that stands for a missing one; `None` where the admin must decide.
    """

    name: str
    read: Callable[[str], Any]
    where: str
    default: str | None = None

    @property
    def from_file(self) -> str:
        """The variable that may name a file with the value instead (secrets only); empty where there is none."""
        return f"{self.name}_FILE" if self.read is _token else ""


def _token(text: str) -> Secret:
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("has a space, a line break or another character in it that no token has")
    return Secret(text)


def _guilds(text: str) -> frozenset[int] | None:
    words = text.replace(",", " ").split()
    if words == ["*"]:
        return None
    if not words or not all(re.fullmatch(r"[0-9]{15,20}", word) for word in words):
        raise ValueError("must be server ids (15 to 20 digits) with commas between them, or * for every server")
    return frozenset(map(int, words))


def _channel(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{15,20}", text):
        raise ValueError("must be a channel's id (15 to 20 digits)")
    return int(text)


def _url(text: str) -> str:
    if not (parts := _ADDRESS.fullmatch(text)) or int(parts["port"] or 443) > 65_535:
        raise ValueError("must be an address such as https://example.com/path")
    return text.rstrip("/")


def _public_url(text: str) -> str:
    """The address holds a secret, so it is not to be spoken in the clear; useapi takes 1,024 characters."""
    if not text:
        return ""
    url = _url(text)
    if urlsplit(url).scheme.lower() != "https" and urlsplit(url).hostname != "127.0.0.1":
        raise ValueError("must begin with https://")
    if len(url) > _LONGEST_URL:
        raise ValueError(f"must have {_LONGEST_URL} characters at most")
    return url


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(text.replace(",", " ").split())
    for host in hosts:
        origin = re.fullmatch(r"(https?://)?[A-Za-z0-9.-]+(?::(?P<port>[0-9]{1,5}))?", host)
        if origin is None or (":" in host and "//" not in host) or int(origin["port"] or 443) > 65_535:
            raise ValueError("must be hosts, or whole origins such as http://127.0.0.1:9000, with spaces between them")
    return hosts


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return value

    return read


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return read


def _level(text: str) -> str:
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    if text.upper() not in levels:
        raise ValueError(f"must be one of {', '.join(levels)}")
    return text.upper()


def _format(text: str) -> str:
    if text.lower() not in {"text", "json"}:
        raise ValueError("must be text or json")
    return text.lower()


def _port(text: str) -> int | None:
    return _whole(1, 65_535)(text) if text else None


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("must be an address of this machine, such as 127.0.0.1 or 0.0.0.0") from None


SETTINGS = (
    Setting(
        name="DISCORD_TOKEN",
        read=_token,
        where="the bot's token: Discord Developer Portal, your application, Bot, Reset Token",
    ),
    Setting(name="USEAPI_TOKEN", read=_token, where="your API token: useapi.net, My account"),
    Setting(
        name="ALLOWED_GUILDS",
        read=_guilds,
        where="the ids of the Discord servers to serve: right-click the server's icon, Copy Server ID",
    ),
    Setting(name="USEAPI_URL", read=_url, where="where useapi.net's API answers", default=USEAPI_URL),
    Setting(name="DATA_DIR", read=Path, where="the folder for the database", default="data"),
    Setting(
        name="POLL_SECONDS",
        read=_number(0.01, 300),
        where="seconds between two looks at a fresh job; useapi.net asks for 10 or more",
        default="15",
    ),
    Setting(
        name="POLL_CONCURRENCY",
        read=_whole(1, 128),
        where="how many looks may be under way at the same time",
        default="8",
    ),
    Setting(
        name="PING_AFTER",
        read=_number(0, 86_400),
        where="seconds: people who waited longer are pinged with the result",
        default="60",
    ),
    Setting(
        name="IMAGE_HOSTS",
        read=_hosts,
        where="the hosts that pictures may be fetched from",
        default=IMAGE_HOSTS,
    ),
    Setting(name="LOG_LEVEL", read=_level, where="how much the log tells; INFO is usual", default="INFO"),
    Setting(
        name="ALERT_CHANNEL",
        read=_channel,
        where="the id of the channel for alerts; without it they go to the application's owner in private",
        default="",
    ),
    Setting(
        name="PRESS_QUEUE",
        read=_whole(0, 100),
        where="how many presses of one member may wait in line for a free place of the Midjourney account",
        default="3",
    ),
    Setting(
        name="BACKUPS",
        read=_whole(0, 1000),
        where="how many nightly copies of the database are kept in data/backups; 0 makes none",
        default="7",
    ),
    Setting(
        name="KEEP_DAYS",
        read=_whole(31, 36_500),
        where="after how many days without news an ended job is deleted from the database",
        default="90",
    ),
    Setting(
        name="HEALTH_PORT",
        read=_port,
        where="the port on which the bot tells how it does, under /healthz and /metrics; off without it",
        default="",
    ),
    Setting(
        name="HEALTH_HOST",
        read=_address,
        where="the address of this machine on which HEALTH_PORT is open; 0.0.0.0 for all of them",
        default="127.0.0.1",
    ),
    Setting(
        name="PUBLIC_URL",
        read=_public_url,
        where="the https address under which the world reaches WEBHOOK_PORT, such as https://darkroom.example.com",
        default="",
    ),
    Setting(
        name="WEBHOOK_PORT",
        read=_port,
        where="the port on which useapi.net may tell of news; goes with PUBLIC_URL, off without both",
        default="",
    ),
    Setting(
        name="WEBHOOK_HOST",
        read=_address,
        where="the address of this machine on which WEBHOOK_PORT is open; 0.0.0.0 for all of them",
        default="127.0.0.1",
    ),
    Setting(name="LOG_FORMAT", read=_format, where="json is one object a line, for programs", default="text"),
    Setting(
        name="DISCORD_API_URL",
        read=_url,
        where="Discord's REST address, for those who run a REST proxy",
        default=DISCORD_API_URL,
    ),
)


def from_environment(environ: Mapping[str, str], dotenv: Path = Path(".env")) -> Settings:
    """Read all settings; what stands in `environ` wins over the file `dotenv`, an empty value counts as missing.

    Raises `SettingsError` whose sentence lists every mistake at once, each with where to get the value.
    """
    survey = survey_settings(environ, dotenv)
    if survey.mistakes:
        lines = [*survey.mistakes, *survey.typos]
        head = "The settings need a look:"
        if not dotenv.exists() and len(survey.mistakes) > 1:
            head = f"There is no file {dotenv} yet: cp .env.example .env, then fill in its first three settings."
        raise SettingsError(f"{head}\n" + "\n".join(f"  - {line}" for line in lines))
    return Settings(**survey.values)


class Survey(NamedTuple):
    """What could be read, by the fields of `Settings`; and a sentence for each mistake and each likely typo."""

    values: dict[str, Any]
    mistakes: list[str]
    typos: list[str]


def survey_settings(environ: Mapping[str, str], dotenv: Path = Path(".env")) -> Survey:
    """Read as much as can be read; raises `SettingsError` only where the file `dotenv` itself cannot be."""
    given = _given(environ, dotenv)
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        try:
            values[setting.name.lower()] = setting.read(_text(setting, given))
        except ValueError as mistake:
            mistakes.append(f"{setting.name} {mistake} ({setting.where})")
    useapi, poll = values.get("useapi_url"), values.get("poll_seconds")
    if useapi and poll and urlsplit(useapi).hostname == "api.useapi.net" and poll < 10:
        mistakes.append("POLL_SECONDS must be 10 or more, as useapi.net asks")
    mistakes += _about_push(values)
    return Survey(values, mistakes, _typos(given))


def _about_push(values: Mapping[str, Any]) -> list[str]:
    if not {"public_url", "webhook_port", "health_port"} <= values.keys():
        return []  # one of them is a mistake already
    if bool(values["public_url"]) != bool(values["webhook_port"]):
        alone, missing = ("PUBLIC_URL", "WEBHOOK_PORT") if values["public_url"] else ("WEBHOOK_PORT", "PUBLIC_URL")
        return [f"{alone} goes with {missing}, which is missing (see {missing} in .env.example)"]
    if values["webhook_port"] and values["webhook_port"] == values["health_port"]:
        return ["WEBHOOK_PORT and HEALTH_PORT must be two different ports"]
    return []


def _given(environ: Mapping[str, str], dotenv: Path) -> dict[str, str]:
    return {**_read_dotenv(dotenv), **{name: value for name, value in environ.items() if value.strip()}}


def _read_dotenv(file: Path) -> dict[str, str]:
    try:
        values = dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The file {file} cannot be read. Is it yours, and plain text in UTF-8?") from None
    return {name: value or "" for name, value in values.items()}


def _text(setting: Setting, given: Mapping[str, str]) -> str:
    if text := given.get(setting.name, "").strip():
        return text
    if setting.from_file and (file := given.get(setting.from_file, "").strip()):
        try:
            text = Path(file).read_text(encoding="utf-8-sig").strip()  # some editors write a byte order mark
        except (OSError, ValueError):  # no such file, no text, or not even a file's name
            raise ValueError(f"could not be read from the file in {setting.from_file}") from None
        if text:
            return text
    if setting.default is None:
        raise ValueError("is missing")
    return setting.default


def _typos(given: Iterable[str]) -> list[str]:
    known = [name for setting in SETTINGS for name in (setting.name, setting.from_file) if name]
    unknown = sorted(set(given) - set(known))
    near = [(name, get_close_matches(name, known, n=1, cutoff=0.85)) for name in unknown]
    return [f"{name} is no setting; did you mean {match[0]}?" for name, match in near if match]
