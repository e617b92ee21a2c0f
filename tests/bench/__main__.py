"""`make bench`: measures, prints tables and writes them into docs/performance.md.

python -m tests.bench                  everything, about an hour
python -m tests.bench polls small      some sections
python -m tests.bench --quick          every section with small numbers, nothing is written
"""

import argparse
import asyncio
import importlib
import sys
import time

from tests.bench.report import keep, measured, unrest

SECTIONS = {
    "polls": "Polls",
    "scale": "Many jobs",
    "batches": "Many jobs in few requests",
    "copying": "The nightly copy",
    "delivery": "Delivery",
    "commands": "Many commands",
    "pictures": "Pictures",
    "small": "Small",
    "neighbours": "Neighbours, side by side",
    "webhooks": "Webhooks",
    "finding": "Finding jobs by their prompts",
    "waiting": "When to poll first",
}
"""The modules of `tests.bench`, each with `async def run(*, quick: bool) -> list[Table]`, and their headings."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure Darkroom.")
    parser.add_argument("sections", nargs="*", metavar="section", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works; nothing is written")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    for name in arguments.sections or SECTIONS:
        _measure(name, quick=arguments.quick)


def _measure(name: str, *, quick: bool) -> None:
    started, before = time.monotonic(), unrest()
    tables = asyncio.run(importlib.import_module(f"tests.bench.{name}").run(quick=quick))
    when = measured(before, unrest())
    text = "\n\n".join([f"## {SECTIONS[name]}", *(table.markdown() for table in tables), f"*{when}*"])
    sys.stdout.write(f"{text}\n\n({time.monotonic() - started:.0f} s)\n\n")
    sys.stdout.flush()
    if not quick:
        keep(name, text, tuple(SECTIONS))


if __name__ == "__main__":
    main()
