"""`python -m bot check`: everything that a start needs, tried beforehand, without changing anything.

`here` looks at this machine, `there` asks useapi.net and Discord.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from bot import logs
from bot.cli.preflight.findings import Finding, Severity
from bot.cli.preflight.local import check_database, check_disk, check_health, check_settings, check_sqlite
from bot.cli.preflight.remote import check_far_ends

__all__ = ["check"]


async def check(environ: Mapping[str, str], *, as_json: bool = False, dotenv: Path = Path(".env")) -> int:
    """Print what was found; the exit status, which is 1 where something must be mended."""
    findings = await look(environ, dotenv)
    print(_as_json(findings) if as_json else "\n".join(finding.text for finding in findings))  # noqa: T201 -- the answer
    return 1 if any(finding.sign is Severity.WRONG for finding in findings) else 0


async def look(environ: Mapping[str, str], dotenv: Path) -> list[Finding]:
    """Everything, as far as the settings that are right allow."""
    found, values = check_settings(environ, dotenv)
    tokens = (values.get("discord_token"), values.get("useapi_token"))
    logs.set_up("ERROR", [token.reveal() for token in tokens if token is not None])
    data_dir = values.get("data_dir", Path("data"))
    found += check_sqlite()
    found += check_database(data_dir)
    found += check_disk(data_dir)
    found += check_health(values)
    return found + await check_far_ends(values)


def _as_json(findings: list[Finding]) -> str:
    fine = not any(finding.sign is Severity.WRONG for finding in findings)
    told = [{"about": each.about, "sign": each.sign.value, "is": each.words, "do": each.todo} for each in findings]
    return json.dumps({"fine": fine, "findings": told}, indent=2, ensure_ascii=False)
