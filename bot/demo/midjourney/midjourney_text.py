"""The texts of Midjourney's messages, in the formats captured from a real account."""

import re

from bot.demo.midjourney.job import Job, Snapshot
from bot.demo.midjourney.timeline import Kind

MEMBER = "<@1234567890123456789>"

ERRORS = {
    "moderated": (
        "Banned prompt detected",
        "The word `forbidden` is not welcome here. To keep our community safe, this request was stopped by a filter.",
    ),
    "failed": ("Internal error", "The picture could not be finished. The time it took was given back."),
}
"""Title and text of Midjourney's embed about a job that it declined or could not finish."""

_PANS = {"⬅️": "Pan Left", "➡️": "Pan Right", "⬆️": "Pan Up", "⬇️": "Pan Down"}


def content(job: Job, snapshot: Snapshot) -> str:
    """Return the text of Midjourney's message at this snapshot."""
    if job.kind in (Kind.DESCRIBED, Kind.SEED):
        return ""
    if job.kind is Kind.ANSWER:
        return _answer(job)
    if snapshot.status == "completed":
        return _done(job)
    if snapshot.step.percent is None:
        return f"{_waiting(job)} (Waiting to start)"
    return f"**{rewritten(job)}** - {_by(job, done=False)} ({snapshot.step.percent}%) ({job.plan.mode})"


def rewritten(job: Job) -> str:
    """Return the prompt as Midjourney repeats it: with a full version number and its own short links for pictures."""
    prompt = re.sub(r"https?://\S+", _short_link, job.prompt)
    prompt = re.sub(r"(--v \d+)(?![\d.])", r"\1.0", prompt)
    if "--v" not in prompt:
        prompt += " --v 7.0"
    if job.kind is Kind.VIDEOS and job.verb == "button":
        prompt += f" --motion {'low' if 'Low' in job.button else 'high'} --video 1 --aspect 1:1"
    return prompt


def _short_link(url: re.Match[str]) -> str:
    letters = "abcdefghijkmnopqrstuvwxyz"
    return f"<https://s.mj.run/{''.join(letters[(ord(sign) + 7 * at) % 25] for at, sign in enumerate(url[0][-11:]))}>"


def image_number(job: Job) -> int:
    """Return which of the parent's pictures (1-4) a button was pressed for."""
    if job.button in ("U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4"):
        return int(job.button[1])
    return (job.parent.art.index or 0) + 1 if job.parent else 1


def _waiting(job: Job) -> str:
    bold = f"**{rewritten(job)}** - {MEMBER}"
    if job.kind in (Kind.SINGLE, Kind.UPSCALED, Kind.VIDEO):
        return f"Upscaling image #{image_number(job)} with {bold}"
    if job.kind is Kind.VIDEOS:
        return f"Creating video with prompt {bold}"
    if _varies(job):
        return f"Making variations for image #{image_number(job)} with prompt {bold}"
    return bold


def _varies(job: Job) -> bool:
    return job.button.startswith(("V1", "V2", "V3", "V4", "Vary"))


def _by(job: Job, *, done: bool) -> str:
    """Return what follows the prompt: what was done, and for whom."""
    if job.kind is Kind.UPSCALED:
        return f"{'Upscaled' if done else 'Upscaling'} by {MEMBER}"
    if _varies(job):
        how = re.search(r"\((\w+)\)", job.button)
        what = "Remix" if "prompt" in job.echoed else "Variations"
        return f"{what} ({how[1] if how else 'Strong'}) by {MEMBER}"
    if "Zoom" in job.button:
        return f"Zoom Out by {MEMBER}"
    if job.button in _PANS:
        return f"{_PANS[job.button]} by {MEMBER}"
    return MEMBER


def _done(job: Job) -> str:
    bold = f"**{rewritten(job)}**"
    if job.kind in (Kind.SINGLE, Kind.VIDEO):
        return f"{bold} - Image #{image_number(job)} {MEMBER}"
    if job.kind is Kind.UPSCALED:
        return f"{bold} - {_by(job, done=True)} ({job.plan.mode})"
    website = f"[(Open on website for full quality)](<https://midjourney.com/jobs/{job.uuid}>)"
    return f"{bold} - {_by(job, done=True)} {website} ({job.plan.mode})"


def _answer(job: Job) -> str:
    """Return the answer to an account command; for remix `job.plan.mode` is the new state."""
    if job.verb == "info":
        return (
            "**User ID**: 00000000-1111-4222-8333-444444444444\n"
            "**Subscription**: Pro (Active monthly, renews next on <t:1790000000>)\n"
            "**Visibility Mode**: Public\n"
            "**Fast Time Remaining**: 21.4/30.0 hours (71.33%)\n"
            "**Lifetime Usage**: 4711 images (63.20 hours)\n"
            "**Relaxed Usage**: 128 images (2.10 hours)\n\n"
            "**Queued Jobs (fast)**: 0\n**Queued Jobs (relax)**: 0\n**Running Jobs**: None"
        )
    if job.verb == "remix":
        switched = "on! Clicking the variation buttons will now give you a chance to edit your prompt!"
        return f"Remix mode turned {switched if job.plan.mode == 'on' else 'off.'}"
    if job.verb == "variability":
        return "High variability mode is on."
    return f"Jobs run in {job.verb} mode from now on."


def seed_content(job: Job) -> str:
    """Return the message with a job's seed."""
    return f"**{job.prompt}**\n**Job ID**: {job.uuid}\n**seed** {seed_number(job)}"


def seed_number(job: Job) -> int:
    """Return the seed of the requested job, 32 bits like Midjourney's."""
    return job.art.seed & 0xFFFFFFFF


def description(job: Job) -> str:
    """Return four prompts that describe the picture, numbered with keycap emoji."""
    ways = (
        f"{job.prompt}, layered mist, soft light, muted colours, wide shot --ar 1:1",
        f"A quiet illustration of {job.prompt}, flat shapes, atmospheric perspective, a travel poster --ar 1:1",
        f"{job.prompt} at the edge of the day, silhouettes, gentle gradients, minimalism --ar 1:1",
        f"Screen print of {job.prompt}, grainy paper, four colours, calm and spacious --ar 1:1",
    )
    return "\n\n".join(
        f"{number}\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP} {way}" for number, way in enumerate(ways, 1)
    )
