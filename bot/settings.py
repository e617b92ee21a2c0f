"""All settings, read once from the environment and `.env`, then frozen.

The table `SETTINGS` is the single list of them: tests check `.env.example` and the README against it.
"""

import hashlib
import hmac
import ipaddress
import math
import re
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bot.errors import SettingsError
from bot.installation import how_to_create_settings
from bot.models.provider import ProviderName

USEAPI_HOST = "api.useapi.net"
USEAPI_URL = f"https://{USEAPI_HOST}/v2"
DISCORD_API_URL = "https://discord.com/api/v10"
IMAGE_HOSTS = "cdn.discordapp.com media.discordapp.net cdn.midjourney.com"

UPDATE_CHECK_ON = "on"
UPDATE_CHECK_OFF = "off"

_NO_PROVIDER = (
    "MJ_PROXY_URL or USEAPI_TOKEN is missing: the bot needs a provider of Midjourney jobs "
    "(midjourney-proxy, or useapi.net's API v2; see docs/providers.md)"
)
_SHORTEST_SECRET = 8  # characters; a server without a secret is given a short word, and a shorter one protects nothing
_MAX_URL_LENGTH = 900  # characters; useapi.net accepts 1,024 with our path
_HOST = r"(?=[a-z0-9])[\w-]{1,63}(?:\.[\w-]{1,63})*(?<=[a-z0-9])(?::(?P<port>[0-9]{1,5}))?"
"""A host and its port. Python's resolver raises `UnicodeError` for a label of another length."""
_ADDRESS = re.compile(rf"https?://{_HOST}(?:/[\w./~%+:@,;=-]*)?", re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(rf"(?:https?://)?{_HOST}", re.ASCII | re.IGNORECASE)


class Secret:
    """A token that only `reveal()` returns: its repr, str and format are `***`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the token itself, for the code that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The validated settings; times in seconds, `keep_days` in days.

    `allowed_guilds` is `None` if every server is served; `alert_channel` and both ports are `None` if not set. A
    provider is on where its token is set, useapi, or its address, midjourney-proxy; at least one is. `update_check` is
    `UPDATE_CHECK_ON`, `UPDATE_CHECK_OFF`, or an address.
    """

    discord_token: Secret
    allowed_guilds: frozenset[int] | None
    useapi_token: Secret | None = None
    useapi_url: str = USEAPI_URL
    mj_proxy_url: Secret | None = None
    mj_proxy_secret: Secret | None = None
    mj_proxy_auth: str = "mj-api-secret"
    mj_proxy_admin_secret: Secret | None = None
    mj_proxy_mode: str = ""
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
    update_check: str = UPDATE_CHECK_ON

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that no log line may contain."""
        webhook_secrets = self.callback_secrets.values() if self.webhooks else ()
        return (*secret_texts(getattr(self, name) for name in self.__slots__), *webhook_secrets)

    @property
    def webhooks(self) -> bool:
        """Whether providers are asked to call this bot."""
        return bool(self.public_url and self.webhook_port)

    @property
    def callback_secrets(self) -> Mapping[ProviderName, str]:
        """The secret of the webhook URL of each provider that is on."""
        tokens = {ProviderName.USEAPI: self.useapi_token, ProviderName.MIDJOURNEY_PROXY: self.mj_proxy_secret}
        return {provider: callback_secret(token) for provider, token in tokens.items() if token is not None}

    def callback_url(self, provider: ProviderName) -> str:
        """The webhook URL for a provider, which contains a secret; empty if webhooks are off."""
        return callback_url(self.public_url, provider, self.callback_secrets[provider]) if self.webhooks else ""


def secret_texts(values: Iterable[object]) -> tuple[str, ...]:
    """The texts of all secrets among some values of settings; of an address also its host, with the port.

    A host of one word and a very short secret are left out: they may be a word or a number of log lines, too.
    """
    texts: list[str] = []
    for value in values:
        if isinstance(value, Secret):
            text = value.reveal()
            if len(text) >= _SHORTEST_SECRET:
                texts.append(text)
            host, netloc = _host_of(text)
            if "." in host and not host.startswith("127."):
                texts += {host, netloc}
    return tuple(texts)


def _host_of(text: str) -> tuple[str, str]:
    """The host of an address, without and with its port; both empty for a text that is none."""
    if not text.startswith(("http://", "https://")):
        return "", ""
    try:
        address = urlsplit(text)
        return address.hostname or "", address.netloc
    except ValueError:  # such as "http://["
        return "", ""


def callback_secret(token: Secret) -> str:
    """Derive the secret of a webhook URL from a token: stable across starts, and it does not reveal the token."""
    return hmac.new(token.reveal().encode(), b"darkroom callbacks", hashlib.sha256).hexdigest()[:40]


def callback_url(public_url: str, provider: ProviderName, secret: str) -> str:
    """Return the webhook URL for a provider, below the public address of this bot."""
    return f"{public_url}/{provider}/{secret}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One setting: its name, its parser (raises `ValueError` with the reason), and where the admin gets the value.

    `default` is the text used if the setting is missing; `None` if it is required.
    """

    name: str
    read: Callable[[str], Any]
    where: str
    default: str | None = None

    @property
    def from_file(self) -> str:
        """The variable that may name a file with the value instead; empty except for tokens."""
        return f"{self.name}_FILE" if self.read in {_token, _optional_token} else ""


def _token(text: str) -> Secret:
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("contains a space, a line break or another character that no token has")
    return Secret(text)


def _optional_token(text: str) -> Secret | None:
    return _token(text) if text else None


def _proxy_url(text: str) -> Secret | None:
    """Parse `MJ_PROXY_URL`; a secret, because whoever knows the address can send requests to some servers."""
    return Secret(_url(text).removesuffix("/mj")) if text else None


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be {', '.join(filter(None, words[:-1]))} or {words[-1]}")
        return text.lower()

    return read


def _guilds(text: str) -> frozenset[int] | None:
    ids = text.replace(",", " ").split()
    if ids == ["*"]:
        return None
    if not ids or not all(re.fullmatch(r"[0-9]{15,20}", each) for each in ids):
        raise ValueError("must be server ids (15 to 20 digits) separated by commas, or * for every server")
    return frozenset(map(int, ids))


def _channel(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{15,20}", text):
        raise ValueError("must be a channel id (15 to 20 digits)")
    return int(text)


def _url(text: str) -> str:
    if not (parts := _ADDRESS.fullmatch(text)) or int(parts["port"] or 443) > 65_535:
        raise ValueError("must be an address such as https://example.com/path")
    return text.rstrip("/")


def _public_url(text: str) -> str:
    """Parse `PUBLIC_URL`; https only, because the webhook URL below it contains a secret."""
    if not text:
        return ""
    url = _url(text)
    if urlsplit(url).scheme.lower() != "https" and urlsplit(url).hostname != "127.0.0.1":
        raise ValueError("must begin with https://")
    if len(url) > _MAX_URL_LENGTH:
        raise ValueError(f"must have at most {_MAX_URL_LENGTH} characters")
    return url


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(text.replace(",", " ").split())
    for host in hosts:
        origin = _ORIGIN.fullmatch(host)
        if origin is None or (":" in host and "//" not in host) or int(origin["port"] or 443) > 65_535:
            raise ValueError("must be hosts, or origins such as http://127.0.0.1:9000, separated by spaces")
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


def _update_check(text: str) -> str:
    if text.lower() in {UPDATE_CHECK_ON, UPDATE_CHECK_OFF}:
        return text.lower()
    try:
        return _url(text)
    except ValueError:
        raise ValueError("must be on, off, or an address such as https://github.com/owner/name") from None


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
    Setting(
        name="ALLOWED_GUILDS",
        read=_guilds,
        where="the ids of the Discord servers to serve: right-click the server's icon, Copy Server ID",
    ),
    Setting(
        name="MJ_PROXY_URL",
        read=_proxy_url,
        where="the address of your midjourney-proxy server, without /mj at its end",
        default="",
    ),
    Setting(
        name="MJ_PROXY_SECRET",
        read=_optional_token,
        where="the secret of your midjourney-proxy server; a short word, such as none, if it has none",
        default="",
    ),
    Setting(
        name="MJ_PROXY_AUTH",
        read=_one_of("mj-api-secret", "authorization", "bearer"),
        where="the header that carries MJ_PROXY_SECRET: mj-api-secret, authorization or bearer; see docs/providers.md",
        default="mj-api-secret",
    ),
    Setting(
        name="MJ_PROXY_ADMIN_SECRET",
        read=_optional_token,
        where="the admin token of trueai-org/midjourney-proxy, to cancel jobs and find lost ones",
        default="",
    ),
    Setting(
        name="MJ_PROXY_MODE",
        read=_one_of("", "fast", "relax", "turbo"),
        where="the speed of all jobs: fast, relax or turbo; empty for the server's own choice",
        default="",
    ),
    Setting(name="USEAPI_TOKEN", read=_optional_token, where="your API token: useapi.net, My account", default=""),
    Setting(
        name="USEAPI_URL",
        read=_url,
        where="the address of useapi.net's API, or of a compatible server",
        default=USEAPI_URL,
    ),
    Setting(name="DATA_DIR", read=Path, where="the folder for the database", default="data"),
    Setting(
        name="POLL_SECONDS",
        read=_number(0.01, 300),
        where="seconds between checks of a new job; useapi.net asks for 10 or more",
        default="15",
    ),
    Setting(
        name="POLL_CONCURRENCY",
        read=_whole(1, 128),
        where="checks at the same time",
        default="8",
    ),
    Setting(
        name="PING_AFTER",
        read=_number(0, 86_400),
        where="seconds; people who waited longer are pinged with the result",
        default="60",
    ),
    Setting(
        name="IMAGE_HOSTS",
        read=_hosts,
        where="the hosts from which pictures may be downloaded",
        default=IMAGE_HOSTS,
    ),
    Setting(name="LOG_LEVEL", read=_level, where="how much is logged; INFO is usual", default="INFO"),
    Setting(
        name="ALERT_CHANNEL",
        read=_channel,
        where="the id of the channel for alerts; without it they go to the application's owner by DM",
        default="",
    ),
    Setting(
        name="PRESS_QUEUE",
        read=_whole(0, 100),
        where="how many prompts and presses a member may have queued while all Midjourney slots are busy",
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
        where="days after which a finished job that is no longer used is deleted from the database",
        default="90",
    ),
    Setting(
        name="HEALTH_PORT",
        read=_port,
        where="the port for health checks (/healthz) and metrics (/metrics); off by default",
        default="",
    ),
    Setting(
        name="HEALTH_HOST",
        read=_address,
        where="the address that HEALTH_PORT listens on; 0.0.0.0 for all",
        default="127.0.0.1",
    ),
    Setting(
        name="PUBLIC_URL",
        read=_public_url,
        where="the public https address that leads to WEBHOOK_PORT, such as https://darkroom.example.com",
        default="",
    ),
    Setting(
        name="WEBHOOK_PORT",
        read=_port,
        where="the port for webhook calls of the providers; needs PUBLIC_URL, off without both",
        default="",
    ),
    Setting(
        name="WEBHOOK_HOST",
        read=_address,
        where="the address that WEBHOOK_PORT listens on; 0.0.0.0 for all",
        default="127.0.0.1",
    ),
    Setting(
        name="LOG_FORMAT", read=_format, where="text, or json for log collectors (one object per line)", default="text"
    ),
    Setting(
        name="UPDATE_CHECK",
        read=_update_check,
        where="on, off, or the address of the repository whose releases are looked up once a day",
        default=UPDATE_CHECK_ON,
    ),
    Setting(
        name="DISCORD_API_URL",
        read=_url,
        where="the address of Discord's REST API, for those who run a REST proxy",
        default=DISCORD_API_URL,
    ),
)


def from_environment(environ: Mapping[str, str], dotenv: Path = Path(".env")) -> Settings:
    """Read all settings from the file `dotenv` and from `environ`, which overrides it; empty values count as missing.

    Raises `SettingsError`, which lists all mistakes at once, each with where to get the value.
    """
    survey = survey_settings(environ, dotenv)
    if survey.mistakes:
        lines = [*survey.mistakes, *survey.typos]
        head = "The settings need a look:"
        if not dotenv.exists() and len(survey.mistakes) > 1:
            head = f"There is no file {dotenv} yet: {how_to_create_settings()}, then fill in the settings at its top."
        raise SettingsError(f"{head}\n" + "\n".join(f"  - {line}" for line in lines))
    return Settings(**survey.values)


def some_settings(environ: Mapping[str, str], *names: str, dotenv: Path = Path(".env")) -> dict[str, Any]:
    """Read the settings of these names alone, for commands that need no tokens; the keys are fields of `Settings`.

    Raises `SettingsError` for mistakes in these settings only.
    """
    values, mistakes = _values([setting for setting in SETTINGS if setting.name in names], _given(environ, dotenv))
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return values


class Survey(NamedTuple):
    """Values by field name of `Settings`, and a sentence for each mistake and each likely typo.

    `exposed`: other users of this machine can read the file, and a token is in it.
    """

    values: dict[str, Any]
    mistakes: list[str]
    typos: list[str]
    exposed: bool


def survey_settings(environ: Mapping[str, str], dotenv: Path = Path(".env")) -> Survey:
    """Read all settings that are valid; raises `SettingsError` only if the file `dotenv` itself cannot be read."""
    given = _given(environ, dotenv)
    values, mistakes = _values(SETTINGS, given)
    mistakes += [*_provider_mistakes(values), *_webhook_mistakes(values)]
    return Survey(values, mistakes, _typos(given), _is_exposed(dotenv))


def _values(settings: Iterable[Setting], given: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the valid values by field name, and a sentence for each of the others."""
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for setting in settings:
        try:
            values[setting.name.lower()] = setting.read(_text(setting, given))
        except ValueError as mistake:
            mistakes.append(f"{setting.name} {mistake} ({setting.where})")
    return values, mistakes


def _is_exposed(dotenv: Path) -> bool:
    """Files of tokens (`DISCORD_TOKEN_FILE`) are not checked: in a container, secrets may be readable by everyone."""
    try:
        mode = dotenv.stat().st_mode
    except OSError:
        return False
    if sys.platform == "win32" or not mode & stat.S_IROTH:
        return False
    content = _read_dotenv(dotenv)
    return any(content.get(setting.name, "").strip() for setting in SETTINGS if setting.from_file)


def _provider_mistakes(values: Mapping[str, Any]) -> list[str]:
    mistakes = []
    useapi, poll = values.get("useapi_url"), values.get("poll_seconds")
    if values.get("useapi_token") and useapi and poll and urlsplit(useapi).hostname == USEAPI_HOST and poll < 10:
        mistakes.append("POLL_SECONDS must be 10 or more, as useapi.net asks")
    if not {"useapi_token", "mj_proxy_url", "mj_proxy_secret", "mj_proxy_admin_secret"} <= values.keys():
        return mistakes  # already reported
    if values["mj_proxy_url"] and not values["mj_proxy_secret"]:
        mistakes.append(f"MJ_PROXY_SECRET is missing ({_where('MJ_PROXY_SECRET')})")
    if not values["mj_proxy_url"]:
        alone = [name for name in ("MJ_PROXY_SECRET", "MJ_PROXY_ADMIN_SECRET") if values[name.lower()]]
        mistakes += [f"{name} needs MJ_PROXY_URL, which is missing ({_where('MJ_PROXY_URL')})" for name in alone]
        if not values["useapi_token"] and not alone:
            mistakes.append(_NO_PROVIDER)
    return mistakes


def _where(name: str) -> str:
    return next(setting.where for setting in SETTINGS if setting.name == name)


def _webhook_mistakes(values: Mapping[str, Any]) -> list[str]:
    if not {"public_url", "webhook_port", "health_port"} <= values.keys():
        return []  # already reported
    if bool(values["public_url"]) != bool(values["webhook_port"]):
        alone, missing = ("PUBLIC_URL", "WEBHOOK_PORT") if values["public_url"] else ("WEBHOOK_PORT", "PUBLIC_URL")
        return [f"{alone} needs {missing}, which is missing (see {missing} in .env.example)"]
    if values["webhook_port"] and values["webhook_port"] == values["health_port"]:
        return ["WEBHOOK_PORT and HEALTH_PORT must be two different ports"]
    return []


def _given(environ: Mapping[str, str], dotenv: Path) -> dict[str, str]:
    return {**_read_dotenv(dotenv), **{name: value for name, value in environ.items() if value.strip()}}


def _read_dotenv(file: Path) -> dict[str, str]:
    try:
        if not file.exists():
            return {}
        from dotenv import dotenv_values  # not imported where there is no such file, as in a container

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
        except (OSError, ValueError):  # missing, not text, or not a valid file name
            raise ValueError(f"could not be read from the file in {setting.from_file}") from None
        if not text:
            raise ValueError(f"is missing: the file in {setting.from_file} is empty")
        return text
    if setting.default is None:
        raise ValueError("is missing")
    return setting.default


def _typos(given: Iterable[str]) -> list[str]:
    known = [name for setting in SETTINGS for name in (setting.name, setting.from_file) if name]
    unknown = sorted(set(given) - set(known))
    near = [(name, get_close_matches(name, known, n=1, cutoff=0.85)) for name in unknown]
    return [f"{name} is not a setting; did you mean {match[0]}?" for name, match in near if match]
