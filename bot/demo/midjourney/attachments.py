"""The files of a job's message: previews while it runs, pictures when it is completed."""

import math
import re
from collections.abc import Callable
from functools import partial

from bot.demo import pictures
from bot.demo.midjourney.cdn import File
from bot.demo.midjourney.job import CHANNEL, Job, Snapshot
from bot.demo.midjourney.timeline import Kind

Draw = Callable[[], bytes]


def files(job: Job, snapshot: Snapshot, grid_size: int) -> list[File]:
    """Return the files of the job's message at this snapshot; `grid_size` is a grid's longer side in pixels."""
    if snapshot.status == "completed":
        return _finished(job, snapshot, grid_size)
    if snapshot.step.preview and snapshot.status in ("progress", "cancelled"):
        return _previews(job, snapshot, grid_size)
    return []


def full_size(job: Job, grid_size: int) -> list[tuple[str, Draw]]:
    """Return path and picture of each file on Midjourney's own host."""
    numbers = range(4) if job.art.index is None else (job.art.index,)
    return [(f"/{job.uuid}/0_{number}.jpeg", _single(job, number, grid_size // 2, "JPEG")) for number in numbers]


def _finished(job: Job, snapshot: Snapshot, grid_size: int) -> list[File]:
    art, half, index = job.art, grid_size // 2, job.art.index or 0
    video = round(grid_size * 0.61)  # videos are 624 pixels wide where grids are 1024
    formats: list[tuple[str, int, Draw]] = []
    if job.kind is Kind.GRID:
        draw = partial(pictures.grid, art.prompt, size=grid_size, seed=art.seed, like=art.like)
        formats = [("webp", grid_size, draw)]
    elif job.kind in (Kind.VIDEOS, Kind.VIDEO):
        draw = partial(pictures.moving, art.prompt, size=video, seed=art.seed, like=art.like, index=art.index)
        formats = [("webp", video, draw)]
    elif job.kind is Kind.UPSCALED:
        formats = [("png", grid_size, _single(job, index, grid_size))]
    elif job.kind in (Kind.SINGLE, Kind.DESCRIBED):
        formats = [("png", half, _single(job, index, half))]
    elif job.kind is Kind.SEED:
        formats = [("png", half, _single(job, number, half)) for number in range(4)]
    return [
        _file(job, 8 + number, snapshot.at, f"{_title(job, number)}.{ending}", size, draw)
        for number, (ending, size, draw) in enumerate(formats)
    ]


def _previews(job: Job, snapshot: Snapshot, grid_size: int) -> list[File]:
    """Return the previews. Midjourney deletes them when the job is done, so their links expire early."""
    percent = snapshot.step.percent or 0
    created_at = job.started_at + (job.plan.queued + snapshot.step.at) / job.speed
    small, tiny = min(512, grid_size // 2), min(256, grid_size // 4)
    if job.kind is Kind.VIDEOS:
        return [
            _file(
                job,
                4 + number,
                created_at,
                f"{job.uuid}_{number}_step_{percent}.jpeg",
                tiny,
                _single(job, number, tiny, "JPEG"),
            )
            for number in range(4)
        ]
    size = tiny if job.kind is Kind.UPSCALED else small
    art = job.art
    draw = partial(pictures.preview, art.prompt, percent, size=size, seed=art.seed, like=art.like, index=art.index)
    return [_file(job, 4, created_at, f"{job.uuid}_grid_0.webp", size, draw)]


def _single(job: Job, index: int, size: int, format: str = "PNG") -> Draw:  # noqa: A002 -- Pillow's own name
    art = job.art
    return partial(pictures.single, art.prompt, index, size=size, seed=art.seed, like=art.like, format=format)


def _title(job: Job, number: int) -> str:
    prompt = re.sub(r"[^A-Za-z0-9-]+", "_", job.prompt.split(" --")[0])[:45].strip("_")
    return f"u1234567890_{prompt}_{number}_{job.uuid}" if number else f"u1234567890_{prompt}_{job.uuid}"


def _file(job: Job, number: int, created_at: float, name: str, size: int, draw: Draw) -> File:
    """Return file `number` (0-15) of this job; `size` is its longer side, the extension of `name` its type."""
    width, height = pictures.dimensions(job.art.prompt, size)
    return File(
        channel=CHANNEL,
        id=job.snowflake(number, created_at - 0.189),  # Discord creates a file slightly before its message
        filename=name,
        content_type=f"image/{name.rpartition('.')[2]}",
        width=width,
        height=height,
        created_at=created_at,
        draw=draw,
        deleted_at=job.ends_at if number < 8 else math.inf,
    )
