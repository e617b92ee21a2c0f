"""Reading settings from the environment, `.env` and token files."""

import copy
import dataclasses
import json
import logging
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.models.provider import ProviderName
from bot.settings import SETTINGS, Secret, Settings, from_environment
from tests import log
from tests.table import table

GUILD = 123456789012345678
DISCORD_TOKEN = "MTk4-canary.of.discord"
USEAPI_TOKEN = "user:1-canary-of-useapi"
GOOD = {"DISCORD_TOKEN": DISCORD_TOKEN, "USEAPI_TOKEN": USEAPI_TOKEN, "ALLOWED_GUILDS": str(GUILD)}
NO_FILE = Path("there is no such file")
NAMES = [name for setting in SETTINGS for name in (setting.name, setting.from_file) if name]


def read(**given: str) -> Settings:
    """Settings with these values, and valid ones for all that are required."""
    return from_environment(GOOD | given, NO_FILE)


def mistakes(**given: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(**given)
    heading, *lines = str(caught.value).splitlines()
    assert heading == "The settings need a look:" or len(lines) > 1
    return [line.removeprefix("  - ") for line in lines]


def test_three_values_are_enough() -> None:
    settings = read()
    assert settings == Settings(
        discord_token=settings.discord_token, useapi_token=settings.useapi_token, allowed_guilds=frozenset({GUILD})
    )
    assert settings.discord_token.reveal() == DISCORD_TOKEN
    assert settings.useapi_token is not None
    assert settings.useapi_token.reveal() == USEAPI_TOKEN
    assert settings.secrets == (DISCORD_TOKEN, USEAPI_TOKEN)


def test_all_mistakes_are_reported_at_once_each_with_where_to_get_the_value() -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({"POLL_SECONDS": "often", "POLL_CONCURRENCY": "0", "LOG_LEVEL": "loud"}, NO_FILE)
    lines = str(caught.value).splitlines()[1:]
    wheres = {setting.name: setting.where for setting in SETTINGS}
    names = ["DISCORD_TOKEN", "ALLOWED_GUILDS", "POLL_SECONDS", "POLL_CONCURRENCY", "LOG_LEVEL"]
    assert [line.split()[1] for line in lines] == [*names, "MJ_PROXY_URL"], "and a provider is needed"
    assert all(wheres[name] in line for name, line in zip(names, lines, strict=False))


@table(
    ("name", "wrong"),
    [
        ("DISCORD_TOKEN", "two words"),
        ("DISCORD_TOKEN", "one\nline and another"),
        ("USEAPI_TOKEN", "a\0b"),
        ("USEAPI_TOKEN", "tökén"),
        ("ALLOWED_GUILDS", "Studio"),
        ("ALLOWED_GUILDS", "12345"),
        ("ALLOWED_GUILDS", f"{GUILD}, *"),
        ("ALLOWED_GUILDS", ","),
        ("ALLOWED_GUILDS", "١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨"),
        ("USEAPI_URL", "api.useapi.net/v2"),
        ("USEAPI_URL", "ftp://api.useapi.net/v2"),
        ("USEAPI_URL", "https://"),
        ("USEAPI_URL", "https://[::1"),
        ("USEAPI_URL", "https://proxy:99999/v2"),
        ("USEAPI_URL", "https://proxy/v2?token=x"),
        ("USEAPI_URL", "https://somebody:secret@proxy/v2"),
        ("USEAPI_URL", "https://api..useapi.net/v2"),
        ("USEAPI_URL", f"https://{'a' * 64}.example/v2"),
        ("DISCORD_API_URL", "https://a host/"),
        ("POLL_SECONDS", "0"),
        ("POLL_SECONDS", "nan"),
        ("POLL_SECONDS", "inf"),
        ("POLL_SECONDS", "301"),
        ("POLL_CONCURRENCY", "8.5"),
        ("POLL_CONCURRENCY", "129"),
        ("POLL_CONCURRENCY", "9" * 5000),
        ("PING_AFTER", "-1"),
        ("IMAGE_HOSTS", "cdn.example/path"),
        ("IMAGE_HOSTS", "cdn.example:8080"),
        ("IMAGE_HOSTS", "file:///etc/passwd"),
        ("IMAGE_HOSTS", "cdn..example"),
        ("LOG_LEVEL", "TRACE"),
        ("LOG_FORMAT", "xml"),
        ("HEALTH_PORT", "0"),
        ("HEALTH_PORT", "65536"),
        ("HEALTH_HOST", "localhost"),
        ("HEALTH_HOST", "0.0.0.0; rm"),
        ("BACKUPS", "-1"),
        ("KEEP_DAYS", "30"),
        ("PRESS_QUEUE", "many"),
        ("PUBLIC_URL", "http://darkroom.example.com"),
        ("PUBLIC_URL", "darkroom.example.com"),
        ("PUBLIC_URL", "https://darkroom.example.com/" + "x" * 900),
        ("WEBHOOK_PORT", "https"),
        ("WEBHOOK_HOST", "darkroom.example.com"),
    ],
)
def test_a_wrong_value_is_one_mistake_that_names_it(name: str, wrong: str) -> None:
    (mistake,) = mistakes(**{name: wrong})
    assert mistake.startswith(f"{name} ")


@table(
    ("text", "guilds"),
    [
        ("*", None),
        (" * ", None),
        ("123456789012345", {123456789012345}),
        (f"{GUILD},{GUILD + 1}", {GUILD, GUILD + 1}),
        (f" {GUILD} ,\t{GUILD + 1}, ", {GUILD, GUILD + 1}),
        (f"{GUILD} {GUILD}", {GUILD}),
    ],
)
def test_servers_are_separated_by_commas_or_spaces_or_all_are_served(text: str, guilds: set[int] | None) -> None:
    assert read(ALLOWED_GUILDS=text).allowed_guilds == guilds


def test_optional_values_are_parsed() -> None:
    settings = read(
        USEAPI_URL="http://127.0.0.1:9000/v2/",
        DATA_DIR="/srv/darkroom",
        POLL_SECONDS="0.2",
        POLL_CONCURRENCY="3",
        PING_AFTER="0",
        IMAGE_HOSTS="cdn.example, http://127.0.0.1:9000",
        LOG_LEVEL="debug",
        DISCORD_API_URL="http://proxy:8080/api/v10",
    )
    assert settings.useapi_url == "http://127.0.0.1:9000/v2"
    assert settings.data_dir == Path("/srv/darkroom")
    assert (settings.poll_seconds, settings.poll_concurrency, settings.ping_after) == (0.2, 3, 0)
    assert settings.image_hosts == ("cdn.example", "http://127.0.0.1:9000")
    assert settings.log_level == "DEBUG"
    assert settings.discord_api_url == "http://proxy:8080/api/v10"


def test_webhooks_need_both_an_address_and_a_port_of_their_own() -> None:
    public = "https://darkroom.example.com/bot"
    assert read().callback_url(ProviderName.USEAPI) == ""
    (alone,) = mistakes(PUBLIC_URL=public)
    assert alone.startswith("PUBLIC_URL needs WEBHOOK_PORT")
    (alone,) = mistakes(WEBHOOK_PORT="8090")
    assert alone.startswith("WEBHOOK_PORT needs PUBLIC_URL")
    (twice,) = mistakes(PUBLIC_URL=public, WEBHOOK_PORT="8080", HEALTH_PORT="8080")
    assert twice == "WEBHOOK_PORT and HEALTH_PORT must be two different ports"


def test_the_webhook_url_contains_a_secret_that_reveals_no_token_and_is_not_logged() -> None:
    settings = read(PUBLIC_URL="https://darkroom.example.com/bot/", WEBHOOK_PORT="8090")
    head, _, secret = settings.callback_url(ProviderName.USEAPI).rpartition("/")
    assert head == "https://darkroom.example.com/bot/useapi"
    assert len(secret) >= 40
    assert secret in settings.secrets
    assert secret not in repr(settings)
    again = read(PUBLIC_URL="https://darkroom.example.com/bot", WEBHOOK_PORT="1")
    assert again.callback_url(ProviderName.USEAPI) == settings.callback_url(ProviderName.USEAPI), (
        "running jobs call after a restart, too"
    )
    other = read(USEAPI_TOKEN="user:2-another", PUBLIC_URL="https://darkroom.example.com/bot", WEBHOOK_PORT="1")
    assert other.callback_url(ProviderName.USEAPI) != settings.callback_url(ProviderName.USEAPI)


def test_an_empty_value_counts_as_missing() -> None:
    settings = read(POLL_SECONDS="", LOG_LEVEL="  ")
    assert (settings.poll_seconds, settings.log_level) == (15, "INFO")
    (mistake,) = mistakes(DISCORD_TOKEN=" ")
    assert mistake.startswith("DISCORD_TOKEN is missing")


@table("url", ["https://api.useapi.net/v2", "https://API.useapi.net/v3"])
def test_useapi_itself_is_polled_every_ten_seconds_at_most(url: str) -> None:
    (mistake,) = mistakes(USEAPI_URL=url, POLL_SECONDS="9.9")
    assert mistake.startswith("POLL_SECONDS must be 10 or more")
    assert read(USEAPI_URL=url, POLL_SECONDS="10").poll_seconds == 10


def test_a_compatible_server_may_be_polled_more_often() -> None:
    assert read(USEAPI_URL="http://127.0.0.1:9000/v2", POLL_SECONDS="0.05").poll_seconds == 0.05


def test_a_misspelt_name_is_reported_with_the_right_one() -> None:
    environment = {**GOOD, "DISCORD_TOKEN_FILES": "x", "DISCORD_TOKN": "x", "PATH": "/bin", "LANG": "C"}
    del environment["DISCORD_TOKEN"]
    with pytest.raises(SettingsError) as caught:
        from_environment(environment, NO_FILE)
    missing, *typos = str(caught.value).splitlines()[1:]
    assert missing.startswith("  - DISCORD_TOKEN is missing")
    assert typos == [
        "  - DISCORD_TOKEN_FILES is not a setting; did you mean DISCORD_TOKEN_FILE?",
        "  - DISCORD_TOKN is not a setting; did you mean DISCORD_TOKEN?",
    ]


# --- where values come from -----------------------------------------------------------------------------------------


def test_environment_variables_override_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        f"# ours\nDISCORD_TOKEN={DISCORD_TOKEN}\nUSEAPI_TOKEN='${{HOME}}'\nALLOWED_GUILDS=*\n"
        "export PING_AFTER=5\nPOLL_SECONDS=20\nLOG_LEVEL\n",
        encoding="utf-8",
    )
    settings = from_environment({"POLL_SECONDS": "30"}, dotenv)
    assert settings.discord_token.reveal() == DISCORD_TOKEN
    assert settings.useapi_token is not None
    assert settings.useapi_token.reveal() == "${HOME}", "nothing is expanded inside a token"
    assert (settings.ping_after, settings.poll_seconds, settings.log_level) == (5, 30, "INFO")


def test_a_byte_order_mark_before_the_first_name_does_no_harm(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("\n".join(f"{name}={value}" for name, value in GOOD.items()), encoding="utf-8-sig")
    assert from_environment({}, dotenv).discord_token.reveal() == DISCORD_TOKEN


def test_a_file_that_is_not_text_is_a_sentence(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"DISCORD_TOKEN=\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        from_environment(GOOD, dotenv)


def test_tokens_may_come_from_files(tmp_path: Path) -> None:
    for name, token in (("discord", DISCORD_TOKEN), ("useapi", USEAPI_TOKEN)):
        (tmp_path / name).write_text(f"{token}\n", encoding="utf-8-sig")
    files = {"DISCORD_TOKEN_FILE": str(tmp_path / "discord"), "USEAPI_TOKEN_FILE": str(tmp_path / "useapi")}
    settings = from_environment({"ALLOWED_GUILDS": "*", "DISCORD_TOKEN": "", **files}, NO_FILE)
    assert settings.secrets == (DISCORD_TOKEN, USEAPI_TOKEN)
    assert read(**files | {"DISCORD_TOKEN": "directly"}).discord_token.reveal() == "directly"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "could not be read from the file in USEAPI_TOKEN_FILE"),
        (b"\xff\xfe\x00", "could not be read from the file in USEAPI_TOKEN_FILE"),
        (b"two words", "contains a space"),
        (b" \n", "is missing"),
    ],
)
def test_a_token_file_without_a_token_is_a_mistake(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    (mistake,) = mistakes(USEAPI_TOKEN="", USEAPI_TOKEN_FILE=str(file))
    assert mistake.startswith(f"USEAPI_TOKEN {says}")


def test_only_tokens_may_come_from_files(tmp_path: Path) -> None:
    assert {setting.from_file for setting in SETTINGS} == {
        "",
        "DISCORD_TOKEN_FILE",
        "MJ_PROXY_SECRET_FILE",
        "MJ_PROXY_ADMIN_SECRET_FILE",
        "USEAPI_TOKEN_FILE",
    }


# --- secrets --------------------------------------------------------------------------------------------------------


def test_only_reveal_shows_a_secret() -> None:
    settings = read()
    texts = [
        *(f"{settings}", repr(settings), str(dataclasses.asdict(settings)), str(dataclasses.astuple(settings))),
        *(f"{settings.discord_token}", f"{settings.discord_token!r}"),
        *(str(settings.discord_token), "%s %r" % (settings.discord_token, [settings.useapi_token])),  # noqa: UP031 -- how logging formats
        str(copy.deepcopy(settings)),
    ]
    assert not [text for text in texts if "canary" in text]
    assert "***" in repr(settings)
    assert isinstance(dataclasses.asdict(settings)["discord_token"], Secret)


def test_a_secret_has_no_attributes() -> None:
    with pytest.raises(TypeError):
        vars(Secret(DISCORD_TOKEN))
    with pytest.raises((TypeError, AttributeError)):
        f"{Secret(DISCORD_TOKEN):d}"


# --- any input ------------------------------------------------------------------------------------------------------

texts = st.text(max_size=40) | st.sampled_from(
    [
        "",
        " ",
        "*",
        ",",
        "0",
        "15",
        "-1",
        "1e3",
        "nan",
        "http://[",
        "http://a:99999999",
        "//",
        ".",
        "\0",
        "\ud800",
        "${X}",
    ]
)


def settings_or_mistake(environment: dict[str, str], dotenv: Path) -> Settings | SettingsError:
    try:
        return from_environment(environment, dotenv)
    except SettingsError as mistake:
        return mistake


environments = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=20), texts, max_size=8)


@given(environments, texts, texts, st.booleans())
@example({"USEAPI_URL": "http://["}, "", "", False)
@example({"DISCORD_TOKEN": "", "DISCORD_TOKEN_FILE": "\0"}, "", "", False)
@example({"IMAGE_HOSTS": f"{DISCORD_TOKEN}:1", "POLL_SECONDS": USEAPI_TOKEN}, "", " ", True)
def test_any_text_in_any_variable_is_settings_or_a_sentence(
    environment: dict[str, str], before: str, after: str, broken: bool
) -> None:
    given = {"ALLOWED_GUILDS": "*", "DISCORD_TOKEN": before + DISCORD_TOKEN + after, **environment}
    given.setdefault("USEAPI_TOKEN", f"a {USEAPI_TOKEN}" if broken else USEAPI_TOKEN)
    outcome = settings_or_mistake(given, NO_FILE)
    assert "canary" not in f"{outcome} {outcome!r}"
    if isinstance(outcome, Settings):
        assert all(outcome.secrets)
        assert outcome.useapi_url.startswith(("http://", "https://"))
        assert outcome.allowed_guilds is None or outcome.allowed_guilds
    else:
        assert "  - " in str(outcome)


@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
@example(f"{DISCORD_TOKEN}\nDISCORD_TOKEN='x\n=\n\0")
def test_any_file_is_settings_or_a_sentence(text: str) -> None:
    with TemporaryDirectory() as folder:
        dotenv = Path(folder) / ".env"
        dotenv.write_bytes(text.encode("utf-8", "surrogatepass"))
        outcome = settings_or_mistake(GOOD, dotenv)
    assert "canary" not in f"{outcome} {outcome!r}"


# --- providers ------------------------------------------------------------------------------------------------------

PROXY = {"USEAPI_TOKEN": "", "MJ_PROXY_URL": "https://mj.example.com/mj/", "MJ_PROXY_SECRET": "canary-of-proxy"}


def test_a_proxy_alone_is_enough_and_its_address_is_kept_secret() -> None:
    settings = read(**PROXY, MJ_PROXY_AUTH="Bearer", MJ_PROXY_ADMIN_SECRET="canary-of-admin", MJ_PROXY_MODE="relax")
    assert settings.useapi_token is None
    assert settings.mj_proxy_url is not None
    assert settings.mj_proxy_url.reveal() == "https://mj.example.com", "the routes below /mj are added"
    assert (settings.mj_proxy_auth, settings.mj_proxy_mode) == ("bearer", "relax")
    assert set(settings.secrets) == {
        DISCORD_TOKEN,
        "https://mj.example.com",
        "mj.example.com",
        "canary-of-proxy",
        "canary-of-admin",
    }
    assert "example.com" not in repr(settings)
    assert "canary" not in repr(settings)


def test_the_host_of_a_proxy_on_this_machine_stays_in_the_log() -> None:
    settings = read(**PROXY | {"MJ_PROXY_URL": "http://127.0.0.1:8080"})
    assert "127.0.0.1" not in settings.secrets


def test_a_short_word_as_secret_garbles_no_log_line_and_a_secret_is_in_none() -> None:
    line = "In server X (123456123456789012), which is not listed. To serve it: ALLOWED_GUILDS=123456123456789012"
    for word in ("w", "bot", "none", "1234", "123456"):
        with log.written(read(**PROXY | {"MJ_PROXY_SECRET": word}).secrets) as written:
            logging.getLogger("bot.cli.run").warning(line)
        assert json.loads(written.getvalue())["logger"] == "bot.cli.run", word
        assert json.loads(written.getvalue())["message"] == line, word
    with log.written(read(**PROXY | {"MJ_PROXY_SECRET": "s3cret-8"}).secrets) as written:
        logging.getLogger("bot.cli.run").warning("mj-api-secret: s3cret-8")
    assert json.loads(written.getvalue())["message"] == "mj-api-secret: ***"


def test_both_providers_may_be_on_each_with_a_webhook_secret_of_its_own() -> None:
    settings = read(**PROXY | {"USEAPI_TOKEN": USEAPI_TOKEN}, PUBLIC_URL="https://bot.example.com", WEBHOOK_PORT="1")
    urls = [settings.callback_url(provider) for provider in ProviderName]
    heads, secrets = zip(*(url.rsplit("/", 1) for url in urls), strict=True)
    assert heads == ("https://bot.example.com/useapi", "https://bot.example.com/midjourney-proxy")
    assert len({*secrets, "canary-of-proxy", USEAPI_TOKEN}) == 4
    assert set(secrets) <= set(settings.secrets)


@table(
    ("given", "begins"),
    [
        ({"USEAPI_TOKEN": ""}, ["MJ_PROXY_URL or USEAPI_TOKEN is missing"]),
        (PROXY | {"MJ_PROXY_SECRET": ""}, ["MJ_PROXY_SECRET is missing"]),
        (PROXY | {"MJ_PROXY_URL": ""}, ["MJ_PROXY_SECRET needs MJ_PROXY_URL"]),
        (PROXY | {"MJ_PROXY_URL": "mj.example.com"}, ["MJ_PROXY_URL must be an address"]),
        (
            PROXY | {"MJ_PROXY_AUTH": "both", "MJ_PROXY_MODE": "slow", "MJ_PROXY_SECRET": "two words"},
            ["MJ_PROXY_SECRET contains", "MJ_PROXY_AUTH must be", "MJ_PROXY_MODE must be fast, relax or turbo"],
        ),
    ],
)
def test_mistakes_in_the_settings_of_a_provider_are_reported_at_once(given: dict[str, str], begins: list[str]) -> None:
    found = mistakes(**given)
    assert len(found) == len(begins)
    assert all(line.startswith(begin) for line, begin in zip(found, begins, strict=True)), found
