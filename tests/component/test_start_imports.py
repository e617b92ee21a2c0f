"""What a start leaves out: modules that a bot needs later, or never, cost every start time and memory."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LATER_OR_NEVER = {
    "PIL",  # only in the process of a worker
    "aiohttp.web",  # only with a port
    "bot.cli.export",
    "bot.cli.preflight",
    "bot.demo",
    "bot.providers.midjourney_proxy",  # each provider only where it is set up
    "bot.providers.useapi",
    "dotenv",  # only with a file .env
    "importlib.metadata",
    "prometheus_client",
}


def test_a_start_imports_nothing_that_it_does_not_need() -> None:
    code = "import sys, bot.settings, bot.cli.run, cogs; from bot.client import COGS; [__import__(cog) for cog in COGS]"
    result = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*sys.modules)"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = set(result.stdout.split())
    assert "cogs.jobs" in imported
    assert imported & LATER_OR_NEVER == set()
