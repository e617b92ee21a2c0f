"""How many subscribed jobs of each provider run, read from the file of a bot that is stopped."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from bot.models import ProviderName
from bot.store.connection import FILE


def running_jobs(folder: Path) -> Mapping[ProviderName, int]:
    """Count them by provider, without changing the file; empty where it cannot be read, as while the bot has it open.

    The file must have the newest schema, see `read_header`.
    """
    address = f"{(folder / FILE).absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=1.0)) as database:
            rows = database.execute(
                """SELECT provider, count(*) FROM jobs WHERE over = 0
                   AND EXISTS (SELECT 1 FROM subscriptions WHERE job_id = jobs.id AND NOT stopped) GROUP BY provider"""
            )
            return {ProviderName(provider): number for provider, number in rows}
    except sqlite3.Error:
        return {}
