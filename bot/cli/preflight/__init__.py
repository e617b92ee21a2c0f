"""`python -m bot check`: preflight checks of everything that a start needs. They change nothing.

`local` checks this machine, `remote` checks Discord, and `providers` the job APIs.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from bot import logs
from bot.cli.preflight.findings import Finding, Severity
from bot.cli.preflight.local import check_database, check_disk, check_health, check_settings, check_sqlite
from bot.cli.preflight.providers import check_absent_providers
from bot.cli.preflight.remote import check_remotes
from bot.settings import secret_texts

__all__ = ["check"]


async def check(environ: Mapping[str, str], *, as_json: bool = False, dotenv: Path = Path(".env")) -> int:
    """Print all findings and return the exit status: 1 if one of them must be fixed."""
    findings = await run_checks(environ, dotenv)
    print(_as_json(findings) if as_json else "\n".join(finding.lines for finding in findings))  # noqa: T201 -- the command's output
    return 1 if any(finding.severity is Severity.WRONG for finding in findings) else 0


async def run_checks(environ: Mapping[str, str], dotenv: Path) -> list[Finding]:
    """Run every check that the valid settings allow."""
    findings, values = check_settings(environ, dotenv)
    logs.set_up("ERROR", secret_texts(values.values()))
    data_dir = values.get("data_dir", Path("data"))
    findings += check_sqlite()
    findings += check_database(data_dir)
    findings += check_disk(data_dir)
    findings += check_health(values, data_dir)
    findings += check_absent_providers(values, data_dir)
    return findings + await check_remotes(values)


def _as_json(findings: list[Finding]) -> str:
    fine = not any(finding.severity is Severity.WRONG for finding in findings)
    items = [{"about": each.about, "sign": each.severity.value, "is": each.text, "do": each.todo} for each in findings]
    return json.dumps({"fine": fine, "findings": items}, indent=2)
