"""The Midjourney account behind the pretend useapi: its jobs, its places in the queue, and its remix switch."""

from collections.abc import Callable

from bot.demo.pictures import dimensions
from bot.demo.pictures.themes import number
from bot.demo.useapi.job import Art, Job, jobid_of
from bot.demo.useapi.timeline import buttons_of, course_of

ENDS = ("completed", "moderated", "failed", "silent", "expired")
CASTLE = "a castle in the fog, ink wash"


class Account:
    """All jobs, by their ids. `refresh` and the clock `now` are in seconds, `speed` is a factor on every course."""

    def __init__(self, *, now: Callable[[], float], refresh: float, speed: float, max_jobs: int, seed: int) -> None:
        self.jobs: dict[str, Job] = {}
        self.max_jobs = max_jobs
        self.remix = False
        self.now = now
        self._refresh = refresh
        self._speed = speed
        self._seed = seed
        self._stamps: set[int] = set()

    def executing(self) -> list[str]:
        """The ids that take a place in the queue, as far as useapi knows."""
        now = self.now()
        return [
            jobid
            for jobid, job in self.jobs.items()
            if not job.asleep and not job.expired(now) and not job.seen(now).over
        ]

    def wake(self, job: Job) -> None:
        """Let a job that slept until somebody asked for it begin now; its id keeps the older stamp."""
        if job.asleep:
            job.asleep = False
            job.begun = self.now()
            job.created_ms = int(job.begun * 1000)

    def add(
        self,
        verb: str = "imagine",
        *,
        prompt: str | None = None,
        ends: str = "completed",
        age: float = 0.0,
        duration: float | None = None,
        queued: float = 0.0,
        button: str | None = None,
        parent: str | None = None,
        buttons: list[str] | tuple[str, ...] | None = None,
        jobid: str | None = None,
        mode: str = "fast",
        over_code: int = 200,
        asleep: bool = False,
        max_jobs: int | None = None,
        phase: float = 0.0,
        echoed: dict[str, object] | None = None,
        overrides: dict[str, object] | None = None,
    ) -> Job:
        """A new job that began `age` seconds ago; see `FakeUseapi.add_job` for what the words mean."""
        if ends not in ENDS:
            raise ValueError(f"a job ends as one of {', '.join(ENDS)}")
        if jobid in self.jobs:
            raise ValueError(f"there is a job {jobid} already")
        verb = "button" if button else verb
        elder = self.jobs.get(parent or "")
        kind, course = course_of(verb, button, elder.kind if elder else None)
        begun = self.now() - age
        milliseconds = self._stamp(begun)
        name = jobid or jobid_of(milliseconds)
        shown = prompt if prompt is not None else (elder.prompt if elder else CASTLE)
        art = self._art(shown, button or "", elder, len(self.jobs))
        job = Job(
            jobid=name,
            number=len(self.jobs),
            verb=verb,
            kind=kind,
            course=course if duration is None else course.lasting(duration),
            art=art,
            begun=begun,
            created_ms=milliseconds,
            speed=self._speed,
            refresh=self._refresh,
            prompt=shown,
            echoed={**_asked(verb, shown, prompt, button, parent), **(echoed or {})},
            button=button or "",
            parent=elder,
            mode=mode,
            ends=ends,
            over_code=over_code,
            queued=queued,
            buttons=tuple(buttons) if buttons is not None else buttons_of(kind, square=_square(art.prompt)),
            max_jobs=max_jobs or self.max_jobs,
            overrides=overrides or {},
            asleep=asleep,
            phase=phase,
        )
        self.jobs[name] = job
        if elder and button:
            elder.children.append(job)
        return job

    def _stamp(self, begun: float) -> int:
        """The millisecond of creation, one later when it is taken: the stamp is what tells ids apart."""
        milliseconds = int(begun * 1000 + 1e-3)  # a float's 0.688 may be a hair less than 688 ms
        while milliseconds in self._stamps:
            milliseconds += 1
        self._stamps.add(milliseconds)
        return milliseconds

    def _art(self, prompt: str, button: str, parent: Job | None, nth: int) -> Art:
        """What a child's picture shows: the parent's picture itself, its variations, or something new."""
        fresh = number(self._seed, nth)
        if parent is None or button == "🔄":
            return Art(prompt=prompt, seed=fresh)
        if not button:
            return Art(prompt=prompt, seed=parent.art.seed, like=parent.art.like)
        chosen = int(button[1]) - 1 if button[:1] in ("U", "V") and button[1:] in ("1", "2", "3", "4") else None
        if button.startswith("U") and chosen is not None:
            return Art(prompt=prompt, seed=parent.art.seed, like=parent.art.like, index=chosen)
        if "Upscale" in button:
            return Art(prompt=prompt, seed=parent.art.seed, like=parent.art.like, index=parent.art.index or 0)
        return Art(prompt=prompt, seed=fresh, like=parent.art.look(chosen))


def _square(prompt: str) -> bool:
    width, height = dimensions(prompt, 1024)
    return width == height


def _asked(verb: str, shown: str, prompt: str | None, button: str | None, parent: str | None) -> dict[str, object]:
    """What useapi says back of a request: a press has no prompt, unless one was given with it."""
    told: dict[str, object] = {}
    if verb == "imagine" or (verb == "button" and prompt):
        told["prompt"] = shown
    if button:
        told["button"] = button
    if parent:
        told["parentJobId"] = parent
    if verb == "blend":
        told |= {
            "blendUrls": ["https://example.com/one.png", "https://example.com/two.png"],
            "blendDimensions": "Square",
        }
    if verb == "describe":
        told["describeUrl"] = "https://example.com/picture.png"
    return told
