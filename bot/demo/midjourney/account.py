"""The Midjourney account behind a fake provider: its jobs, how many may run, and its remix switch."""

from collections.abc import Callable

from bot.demo.midjourney.job import Art, Job, JobPlan
from bot.demo.midjourney.timeline import buttons_of, timeline_of
from bot.demo.pictures import dimensions
from bot.demo.pictures.themes import number

CASTLE = "a castle in the fog, ink wash"


class Account:
    """All jobs, by their ids.

    `jobid_of` makes an id of a millisecond since 1970, which differs from job to job. `refresh` and the clock `now` are
    in seconds, `speed` is a factor on every timeline.
    """

    def __init__(
        self,
        *,
        jobid_of: Callable[[int], str],
        now: Callable[[], float],
        refresh: float,
        speed: float,
        max_jobs: int,
        seed: int,
    ) -> None:
        self.jobs: dict[str, Job] = {}
        self.max_jobs = max_jobs
        self.remix = False
        self.now = now
        self._jobid_of = jobid_of
        self._refresh = refresh
        self.speed = speed
        self._seed = seed
        self._stamps: set[int] = set()

    def running(self) -> list[str]:
        """Return the ids of the jobs that count as running, as far as the provider knows."""
        now = self.now()
        return [
            jobid
            for jobid, job in self.jobs.items()
            if not job.dormant and not job.expired(now) and not job.snapshot(now).over and job.listed(now)
        ]

    def start_if_dormant(self, job: Job) -> None:
        """Start a job that waited for its first poll; its id keeps the older stamp."""
        if job.dormant:
            job.dormant = False
            job.started_at = self.now()
            job.created_ms = int(job.started_at * 1000)

    def add(self, plan: JobPlan) -> Job:
        """Add a job that started `plan.age` seconds ago; an id that is taken raises `ValueError`."""
        if plan.jobid in self.jobs:
            raise ValueError(f"there is a job {plan.jobid} already")
        verb = "button" if plan.button else plan.verb
        parent = self.jobs.get(plan.parent or "")
        kind, timeline = timeline_of(verb, plan.button, parent.kind if parent else None)
        started_at = self.now() - plan.age
        milliseconds = self._stamp(started_at)
        jobid = plan.jobid or self._jobid_of(milliseconds)
        prompt = plan.prompt if plan.prompt is not None else (parent.prompt if parent else CASTLE)
        art = self._art(prompt, plan.button or "", parent, len(self.jobs))
        job = Job(
            plan=plan,
            jobid=jobid,
            number=len(self.jobs),
            verb=verb,
            kind=kind,
            timeline=timeline if plan.duration is None else timeline.scaled_to(plan.duration),
            art=art,
            started_at=started_at,
            created_ms=milliseconds,
            speed=self.speed,
            refresh=self._refresh,
            prompt=prompt,
            echoed={**_echoed(plan, verb, prompt), **plan.echoed},
            buttons=plan.buttons if plan.buttons is not None else buttons_of(kind, square=_is_square(prompt)),
            max_jobs=plan.max_jobs or self.max_jobs,
            parent=parent,
            dormant=plan.starts_when_polled,
        )
        self.jobs[jobid] = job
        if parent and plan.button:
            parent.children.append(job)
        return job

    def _stamp(self, started_at: float) -> int:
        """Return the millisecond of creation, or a later one where it is taken: ids differ by their stamp alone."""
        milliseconds = int(started_at * 1000 + 1e-3)  # a float's 0.688 may be slightly less than 688 ms
        while milliseconds in self._stamps:
            milliseconds += 1
        self._stamps.add(milliseconds)
        return milliseconds

    def _art(self, prompt: str, button: str, parent: Job | None, job_number: int) -> Art:
        """Return what a job's picture shows: the parent's picture itself, variations of it, or something new."""
        fresh = number(self._seed, job_number)
        if parent is None or button == "🔄":
            return Art(prompt=prompt, seed=fresh)
        if not button:
            return Art(prompt=prompt, seed=parent.art.seed, like=parent.art.like)
        index = int(button[1]) - 1 if button[:1] in ("U", "V") and button[1:] in ("1", "2", "3", "4") else None
        if button.startswith("U") and index is not None:
            return Art(prompt=prompt, seed=parent.art.seed, like=parent.art.like, index=index)
        if "Upscale" in button:
            return Art(prompt=prompt, seed=parent.art.seed, like=parent.art.like, index=parent.art.index or 0)
        return Art(prompt=prompt, seed=fresh, like=parent.art.composition(index))


def _is_square(prompt: str) -> bool:
    width, height = dimensions(prompt, 1024)
    return width == height


def _echoed(plan: JobPlan, verb: str, prompt: str) -> dict[str, object]:
    """Return what a provider repeats of a request: a pressed button has no prompt, unless one was sent with it."""
    echoed: dict[str, object] = {}
    if verb == "imagine" or (verb == "button" and plan.prompt):
        echoed["prompt"] = prompt
    if plan.button:
        echoed["button"] = plan.button
    if plan.parent:
        echoed["parentJobId"] = plan.parent
    if verb == "blend":
        echoed |= {
            "blendUrls": ["https://example.com/one.png", "https://example.com/two.png"],
            "blendDimensions": "Square",
        }
    if verb == "describe":
        echoed["describeUrl"] = "https://example.com/picture.png"
    return echoed
