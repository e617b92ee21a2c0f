"""A job as useapi tells it: the documented model, filled from what was seen."""

from bot.demo.useapi import midjourney_text
from bot.demo.useapi.attachments import files, full_size
from bot.demo.useapi.cdn import Cdn
from bot.demo.useapi.job import CHANNEL, FIRST_MESSAGE, Job, Moment, discord_stamp, stamp
from bot.demo.useapi.timeline import Kind

Body = dict[str, object]


def body(job: Job, now: float, cdn: Cdn, *, grid_size: int) -> Body:
    """The answer about this job; every one has "code", most fields appear when there is something to say."""
    moment = job.seen(now)
    answer: Body = {
        "jobid": job.jobid,
        "verb": job.verb,
        "status": moment.status,
        "created": stamp(job.created_ms),
        "updated": stamp(max(job.created_ms, round(moment.at * 1000))),
        **job.echoed,
        "discord": "MTI…secured…xyz",
        "channel": CHANNEL,
        "maxJobs": job.max_jobs,
    }
    if moment.status in midjourney_text.ERRORS:
        answer["error"], answer["errorDetails"] = midjourney_text.ERRORS[moment.status]
    elif moment.status != "created":
        answer |= _message(job, moment, cdn, grid_size)
    if moment.status == "completed":
        answer |= _result(job, moment, cdn, grid_size)
    if job.children:
        answer["children"] = [
            {"button": child.button, "jobid": child.jobid, "messageId": child.message_id(child.seen(now))}
            for child in job.children
        ]
    answer["code"] = job.over_code if moment.over else 200
    return answer | job.overrides


def _message(job: Job, moment: Moment, cdn: Cdn, grid_size: int) -> Body:
    done = moment.status == "completed"
    attached = [] if job.kind is Kind.SEED else files(job, moment, grid_size)
    return {
        "messageId": job.message_id(moment),
        "content": midjourney_text.content(job, moment),
        "timestamp": discord_stamp(moment.at if done else job.begun + FIRST_MESSAGE),
        "attachments": [] if job.kind is Kind.DESCRIBED else [cdn.attachment(file) for file in attached],
    }


def _result(job: Job, moment: Moment, cdn: Cdn, grid_size: int) -> Body:
    made = files(job, moment, grid_size)
    result: Body = {"buttons": list(job.buttons)} if job.buttons else {}
    if job.kind is Kind.SEED:
        attached = [cdn.attachment(file) for file in made]
        value, content = midjourney_text.seed_number(job), midjourney_text.seed_content(job)
        result["seed"] = {"value": value, "content": content, "attachments": attached}
    if job.kind is Kind.DESCRIBED:
        url, (shown,) = cdn.link(made[0]), made
        image = {"url": url, "proxy_url": url, "width": shown.width, "height": shown.height}
        result["embeds"] = [{"type": "rich", "description": midjourney_text.description(job), "image": image}]
    if job.kind in (Kind.GRID, Kind.SINGLE):
        result["imageUx"] = [cdn.lasting(path, draw) for path, draw in full_size(job, grid_size)]
    return result
