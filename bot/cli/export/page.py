"""The page of an export: static HTML, without a script and without anything from elsewhere. All texts are untrusted."""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

import msgspec

from bot.cli.export.files import PICTURES, ExportedJob, SavedFile
from bot.text import INVISIBLE

_STYLE = """
:root { color-scheme: dark; }
body { margin: 0; background: #1e1f22; color: #dbdee1; font: 16px/1.5 system-ui, sans-serif; }
header, main { max-width: 1200px; margin: auto; padding: 1.5rem; }
h1 { margin: 0; font-size: 1.5rem; }
header p, .about { margin: 0; color: #9a9ea6; font-size: .875rem; }
main { display: grid; gap: 1.5rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); }
article { background: #2b2d31; border-radius: 8px; overflow: hidden; content-visibility: auto;
  contain-intrinsic-size: auto 480px; }
article:target { outline: 2px solid #5865f2; }
.text { padding: .75rem 1rem 1rem; overflow-wrap: anywhere; }
.text p { margin: 0 0 .5rem; }
img, video { display: block; width: 100%; height: auto; background: #111214; }
details summary { padding: .75rem 1rem; cursor: pointer; background: #111214; }
a { color: #00a8fc; text-decoration: none; }
a:hover { text-decoration: underline; }
"""
_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'"
)


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """What the page and the JSON file hold: the jobs of a server, the oldest first."""

    server: str
    server_id: str
    exported: datetime
    darkroom: str
    jobs: tuple[ExportedJob, ...]


def render(export: Export) -> Iterator[str]:
    """The page, piece by piece; the newest job comes first."""
    children: dict[str, list[str]] = defaultdict(list)
    for job in export.jobs:
        if job.parent is not None:
            children[job.parent].append(job.key)
    server = _text(export.server)
    count = "1 picture" if len(export.jobs) == 1 else f"{len(export.jobs):,} pictures"
    yield (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n'
        f"<title>{server}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{server}</h1>\n<p>{count} made with Midjourney, exported on {export.exported:%Y-%m-%d} "
        "with Darkroom</p>\n</header>\n<main>\n"
    )
    for job in reversed(export.jobs):
        yield _article(job, children[job.key])
    yield "</main>\n</body>\n</html>\n"


def _article(job: ExportedJob, children: Sequence[str]) -> str:
    about = [
        f'<a href="#k{_text(job.key)}">#{_text(job.key)}</a>',
        f'<time datetime="{job.finished.isoformat()}">{job.finished:%Y-%m-%d %H:%M}</time>',
        _text(job.channel),
        f'<a href="{_text(job.post)}" rel="noreferrer">post</a>',
    ]
    if job.parent is not None:
        about.append(f"from {_links([job.parent])}")
    if children:
        about.append(f"led to {_links(children)}")
    prompt = f"<p>{_text(job.prompt)}</p>" if job.prompt else ""
    return (
        f'<article id="k{_text(job.key)}">\n{"".join(map(_file, job.files))}'
        f'<div class="text"><p><b>{_text(job.name)}</b></p>{prompt}<p class="about">{" · ".join(about)}</p></div>\n'
        "</article>\n"
    )


def _links(keys: Sequence[str]) -> str:
    return ", ".join(f'<a href="#k{_text(key)}">#{_text(key)}</a>' for key in keys)


def _file(file: SavedFile) -> str:
    address = f"{PICTURES}/{_text(file.name)}"
    size = f' width="{file.width}" height="{file.height}"' if file.width and file.height else ""
    if file.video:
        element = f'<video src="{address}" controls preload="none"{size}></video>\n'
    else:
        element = f'<a href="{address}"><img src="{address}" alt="" loading="lazy"{size}></a>\n'
    return f"<details><summary>Spoiler</summary>{element}</details>\n" if file.spoiler else element


def _text(text: str) -> str:
    return escape(INVISIBLE.sub("", text))
