"""The files of a job's message: previews while it runs, pictures when it is done."""

import math
import re
from collections.abc import Callable
from functools import partial

from bot.demo import pictures
from bot.demo.useapi.cdn import File
from bot.demo.useapi.job import CHANNEL, Job, Moment
from bot.demo.useapi.timeline import Kind

Draw = Callable[[], bytes]


def files(job: Job, moment: Moment, grid_size: int) -> list[File]:
    """The files of the message that stands in Discord at this moment; `grid_size` is a grid's longer side in pixels."""
    if moment.status == "completed":
        return _finished(job, moment, grid_size)
    if moment.step.preview and moment.status in ("progress", "cancelled"):
        return _previews(job, moment, grid_size)
    return []


def full_size(job: Job, grid_size: int) -> list[tuple[str, Draw]]:
    """Path and picture of each file on Midjourney's own host."""
    numbers = range(4) if job.art.index is None else (job.art.index,)
    return [(f"/{job.uuid}/0_{number}.jpeg", _single(job, number, grid_size // 2, "JPEG")) for number in numbers]


def _finished(job: Job, moment: Moment, grid_size: int) -> list[File]:
    art, half, index = job.art, grid_size // 2, job.art.index or 0
    film = round(grid_size * 0.61)  # films are 624 pixels wide where grids are 1024
    drawn: list[tuple[str, int, Draw]] = []
    if job.kind is Kind.GRID:
        draw = partial(pictures.grid, art.prompt, size=grid_size, seed=art.seed, like=art.like)
        drawn = [("webp", grid_size, draw)]
    elif job.kind in (Kind.FILMS, Kind.FILM):
        draw = partial(pictures.moving, art.prompt, size=film, seed=art.seed, like=art.like, index=art.index)
        drawn = [("webp", film, draw)]
    elif job.kind is Kind.UPSCALED:
        drawn = [("png", grid_size, _single(job, index, grid_size))]
    elif job.kind in (Kind.SINGLE, Kind.DESCRIBED):
        drawn = [("png", half, _single(job, index, half))]
    elif job.kind is Kind.SEED:
        drawn = [("png", half, _single(job, number, half)) for number in range(4)]
    return [
        _file(job, 8 + nth, moment.at, f"{_title(job, nth)}.{ending}", size, draw)
        for nth, (ending, size, draw) in enumerate(drawn)
    ]


def _previews(job: Job, moment: Moment, grid_size: int) -> list[File]:
    """Midjourney deletes them when the job is done: their links die, whatever the link says."""
    percent = moment.step.percent or 0
    made = job.begun + (job.queued + moment.step.at) / job.speed
    small, tiny = min(512, grid_size // 2), min(256, grid_size // 4)
    if job.kind is Kind.FILMS:
        return [
            _file(job, 4 + nth, made, f"{job.uuid}_{nth}_step_{percent}.jpeg", tiny, _single(job, nth, tiny, "JPEG"))
            for nth in range(4)
        ]
    size = tiny if job.kind is Kind.UPSCALED else small
    art = job.art
    draw = partial(pictures.preview, art.prompt, percent, size=size, seed=art.seed, like=art.like, index=art.index)
    return [_file(job, 4, made, f"{job.uuid}_grid_0.webp", size, draw)]


def _single(job: Job, index: int, size: int, format: str = "PNG") -> Draw:  # noqa: A002 - Pillow's own word
    art = job.art
    return partial(pictures.single, art.prompt, index, size=size, seed=art.seed, like=art.like, format=format)


def _title(job: Job, nth: int) -> str:
    words = re.sub(r"[^A-Za-z0-9-]+", "_", job.prompt.split(" --")[0])[:45].strip("_")
    return f"u1234567890_{words}_{nth}_{job.uuid}" if nth else f"u1234567890_{words}_{job.uuid}"


def _file(job: Job, nth: int, made: float, name: str, size: int, draw: Draw) -> File:
    """A file of this job; `size` is its longer side, and the name's ending tells its type."""
    width, height = pictures.dimensions(job.art.prompt, size)
    return File(
        channel=CHANNEL,
        id=job.snowflake(nth, made - 0.189),  # Discord numbers a file a little before its message
        filename=name,
        content_type=f"image/{name.rpartition('.')[2]}",
        width=width,
        height=height,
        made=made,
        draw=draw,
        dies=job.end if nth < 8 else math.inf,
    )
