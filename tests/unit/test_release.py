"""What a release consists of: the workflows, and the files that are downloaded from it."""

import re
import subprocess
from pathlib import Path

from bot import __version__
from tests.table import table

ROOT = Path(__file__).parents[2]
WORKFLOWS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").glob("*.yml")}


@table("name", WORKFLOWS)
def test_actions_are_pinned_by_commit_and_name_their_version(name: str) -> None:
    actions = re.findall(r"uses: (?!\./)(.*)", WORKFLOWS[name])
    assert actions
    assert [each for each in actions if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_one_action_has_one_commit_and_all_bases_one_digest() -> None:
    text = "".join(WORKFLOWS.values()) + (ROOT / "Dockerfile").read_text(encoding="utf-8")
    pins = set(re.findall(r"([\w./-]+(?::[\w.-]+)?)@((?:sha256:)?[0-9a-f]{40,64})", text))
    assert len({name for name, _ in pins}) == len(pins)
    assert "debian:bookworm-slim" in {name for name, _ in pins}


def test_the_only_secret_is_the_forges_own_token() -> None:
    assert not any("secrets." in text for text in WORKFLOWS.values())
    assert all("\npermissions: {}\n" in text for text in WORKFLOWS.values()), "each job asks for what it needs"


def test_a_release_pulls_its_image_and_says_what_changed(tmp_path: Path) -> None:
    program = ROOT / ".ci/release-files"
    names = ("ghcr.io/owner/name", __version__, "https://github.com/owner/name")
    subprocess.run([program, *names, tmp_path], check=True)
    compose = (tmp_path / "compose.yaml").read_text(encoding="utf-8")
    assert f"    image: ghcr.io/owner/name:${{DARKROOM_VERSION:-{__version__}}}\n" in compose
    assert compose.startswith("# cp env.example .env,")
    assert (tmp_path / "env.example").read_bytes() == (ROOT / ".env.example").read_bytes()
    notes = (tmp_path / "notes.md").read_text(encoding="utf-8")
    assert notes.strip().startswith("- ")
    assert "\n## " not in notes
    assert {link[:8] for link in re.findall(r"\]\(([^)]*)", notes)} == {"https://"}
    unknown = subprocess.run([program, names[0], "9.9.9", names[2], tmp_path], capture_output=True, text=True)
    assert (unknown.returncode, unknown.stderr) == (1, "CHANGELOG.md says nothing of 9.9.9\n")


def test_versions_have_dates_and_compose_names_this_one() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", changes, re.MULTILINE)
    assert [heading for heading in headings if not re.fullmatch(r"\d+\.\d+\.\d+ \(20\d\d-\d\d-\d\d\)", heading)] == []
    assert headings[0].split()[0] == __version__
    assert f"${{DARKROOM_VERSION:-{__version__}}}" in (ROOT / "compose.yaml").read_text(encoding="utf-8")
