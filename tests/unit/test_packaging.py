"""The files that put the bot into a container or under systemd: what can be said about them without either."""

import re
from pathlib import Path

from bot.errors import StartError
from bot.settings import SETTINGS
from bot.ui import ReportButton
from tests.image.dockerfile import complaints, ignored, read
from tests.table import table

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
BASE = read(DOCKERFILE)[-1].base
IGNORE = (ROOT / ".dockerignore").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
UNIT = (ROOT / "docs/darkroom.service").read_text(encoding="utf-8")


def test_nothing_is_wrong_with_the_dockerfile() -> None:
    assert list(complaints(DOCKERFILE, IGNORE, ROOT)) == []


@table(
    ("good", "bad", "complaint"),
    [
        (BASE, "debian", "FROM debian names no version"),
        (BASE, "debian:bookworm-slim", "FROM debian:bookworm-slim names no digest"),
        ("USER 10001:10001", "USER root", "the last USER is root"),
        ("HEALTHCHECK", "LABEL", "there is no HEALTHCHECK"),
        ('CMD ["run"]', "CMD run", "CMD runs in a shell, which keeps signals to itself"),
        ("--require-hashes", "", "pip install without --require-hashes"),
        ("COPY cogs", "COPY data", "COPY data: .dockerignore keeps it out"),
        ("--from=build", "--from=elsewhere", "COPY --from=elsewhere names no stage"),
        ("ENV DATA_DIR=/data", "ENV DISCORD_TOKEN=x", "ENV keeps a secret in the image"),
    ],
)
def test_the_lint_sees(good: str, bad: str, complaint: str) -> None:
    assert good in DOCKERFILE
    assert complaint in set(complaints(DOCKERFILE.replace(good, bad), IGNORE, ROOT))


def test_what_is_secret_or_a_users_own_is_not_sent_to_docker() -> None:
    for path in (".env", "data/bot.sqlite3", ".git/config", "tests/unit/test_packaging.py", "bot/demo/__main__.py"):
        assert ignored(path, IGNORE), path
    for path in ("bot/__main__.py", "bot/store/migrations/0001_the_main_job.sql", "cogs/jobs.py", "requirements.txt"):
        assert not ignored(path, IGNORE), path
    assert ignored("bot/__pycache__/app.cpython-311.pyc", IGNORE)


def test_container_and_service_set_settings_that_exist() -> None:
    names = {setting.name for setting in SETTINGS}
    image = {step.rest.partition("=")[0] for step in read(DOCKERFILE)[-1].steps if step.word == "ENV"}
    compose = set(re.findall(r"^      ([A-Z_]+):", COMPOSE, re.MULTILINE))
    unit = set(re.findall(r"^Environment=([A-Z_]+)=", UNIT, re.MULTILINE))
    assert image | compose | unit <= names | {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "TZ"}
    assert {"DATA_DIR", "HEALTH_PORT"} <= image & compose
    assert "DATA_DIR" in unit


def test_the_container_has_no_more_rights_than_it_needs() -> None:
    for line in ("read_only: true", "init: true", "      - ALL", "      - no-new-privileges:true", "env_file: .env"):
        assert f"{line}\n" in COMPOSE
    (user,) = re.findall(r'^    user: "(.*)"$', COMPOSE, re.MULTILINE)
    final = read(DOCKERFILE)[-1].last("USER")
    assert final is not None
    assert final.rest == user


def test_no_unit_restarts_a_start_that_a_person_must_act_on() -> None:
    status = StartError().exit_status
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for unit in (UNIT, readme.partition("```ini\n")[2].partition("```")[0]):
        assert f"RestartPreventExitStatus={status}\n" in unit
        (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
        assert command.endswith("/.venv/bin/python -m bot run"), "make would end with a status of its own"


def test_the_form_for_a_bug_asks_for_what_the_bot_prepares() -> None:
    form = (ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text(encoding="utf-8")
    assert f"label: {ReportButton().item.label}\n" in form
