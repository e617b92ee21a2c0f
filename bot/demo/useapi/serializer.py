"""A job as JSON: the documented model, filled from a snapshot."""

from bot.demo.midjourney import midjourney_text
from bot.demo.midjourney.attachments import files, full_size
from bot.demo.midjourney.cdn import Cdn
from bot.demo.midjourney.job import CHANNEL, FIRST_MESSAGE_DELAY, Job, Snapshot
from bot.demo.midjourney.timeline import Kind
from bot.demo.useapi.formats import discord_time, useapi_time

Body = dict[str, object]

_BRIEF = ("jobid", "status", "error", "errorDetails", "code")


def job_body(job: Job, now: float, cdn: Cdn, *, grid_size: int) -> Body:
    """Return the response about a job. Each has "code"; most fields are there only when they have a value."""
    snapshot = job.snapshot(now)
    body: Body = {
        "jobid": job.jobid,
        "verb": job.verb,
        "status": snapshot.status,
        "created": useapi_time(job.created_ms),
        "updated": useapi_time(max(job.created_ms, round(snapshot.at * 1000))),
        **job.echoed,
        "discord": "MTI…secured…xyz",
        "channel": CHANNEL,
        "maxJobs": job.max_jobs,
    }
    if snapshot.status in midjourney_text.ERRORS:
        body["error"], body["errorDetails"] = midjourney_text.ERRORS[snapshot.status]
    elif snapshot.status != "created":
        body |= _message(job, snapshot, cdn, grid_size)
    if snapshot.status == "completed":
        body |= _result(job, snapshot, cdn, grid_size)
    if not job.echoes_reference(now):
        body.pop("replyRef", None)
    if children := [child for child in job.children if child.listed(now)]:
        body["children"] = [
            {
                "button": child.plan.listed_as.format(child.button),
                "jobid": child.jobid,
                "messageId": child.message_id(child.snapshot(now)),
            }
            for child in children
        ]
    body["code"] = job.plan.over_code if snapshot.over else 200
    if job.plan.brief and snapshot.over:
        body = {name: body[name] for name in _BRIEF if name in body}
    return {**body, **job.plan.overrides}


def _message(job: Job, snapshot: Snapshot, cdn: Cdn, grid_size: int) -> Body:
    done = snapshot.status == "completed"
    attached = [] if job.kind is Kind.SEED else files(job, snapshot, grid_size)
    return {
        "messageId": job.message_id(snapshot),
        "content": midjourney_text.content(job, snapshot),
        "timestamp": discord_time(snapshot.at if done else job.started_at + FIRST_MESSAGE_DELAY),
        "attachments": [] if job.kind is Kind.DESCRIBED else [cdn.attachment(file) for file in attached],
    }


def _result(job: Job, snapshot: Snapshot, cdn: Cdn, grid_size: int) -> Body:
    created = files(job, snapshot, grid_size)
    result: Body = {"buttons": list(job.buttons)} if job.buttons else {}
    if job.kind is Kind.SEED:
        attached = [cdn.attachment(file) for file in created]
        value, content = midjourney_text.seed_number(job), midjourney_text.seed_content(job)
        result["seed"] = {"value": value, "content": content, "attachments": attached}
    if job.kind is Kind.DESCRIBED:
        url, (embedded,) = cdn.link(created[0]), created
        image = {"url": url, "proxy_url": url, "width": embedded.width, "height": embedded.height}
        result["embeds"] = [{"type": "rich", "description": midjourney_text.description(job), "image": image}]
    if job.kind in (Kind.GRID, Kind.SINGLE):
        result["imageUx"] = [cdn.permanent_link(path, draw) for path, draw in full_size(job, grid_size)]
    return result
