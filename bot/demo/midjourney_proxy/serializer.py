"""A task as JSON, in each dialect. trueai writes its whole record, nulls included."""

from collections.abc import Mapping

from bot.demo.midjourney import midjourney_text
from bot.demo.midjourney.attachments import files, full_size
from bot.demo.midjourney.cdn import Cdn
from bot.demo.midjourney.job import CHANNEL, Job, Snapshot
from bot.demo.midjourney.timeline import Kind
from bot.demo.midjourney_proxy import buttons
from bot.demo.midjourney_proxy.dialects import ACCOUNT, NEWAPI, NODE, TRUEAI, Body, Dialect
from bot.demo.midjourney_proxy.tasks import Task

_STATUSES = {"created": "NOT_START", "started": "SUBMITTED", "progress": "IN_PROGRESS", "completed": "SUCCESS"}
_MODES = {"fast": "FAST", "relaxed": "RELAX", "turbo": "TURBO"}
_OVER = ("SUCCESS", "FAILURE")
_FILTER: Body = dict.fromkeys(("instanceId", "modes", "remix", "nijiRemix", "remixAutoConsidered", "remark"))


class Serializer:
    """Describes tasks for one server; grids are `grid_size` pixels wide, or four pictures with `four_pictures`."""

    def __init__(self, dialect: Dialect, cdn: Cdn, *, grid_size: int, four_pictures: bool, drops_state: bool) -> None:
        self._dialect = dialect
        self._cdn = cdn
        self.grid_size = grid_size
        self._four_pictures = four_pictures
        self._drops_state = drops_state

    def body(self, task: Task, now: float) -> Body:
        """Return the task as of now."""
        job = task.job
        snapshot = job.snapshot(now)
        own = {
            TRUEAI.name: self._trueai,
            NODE.name: self._node,
            NEWAPI.name: self._newapi,
        }.get(self._dialect.name, self._novi)
        return {**own(task, snapshot, self._common(task, snapshot, now)), **job.plan.overrides}

    def _common(self, task: Task, snapshot: Snapshot, now: float) -> Body:
        """Return the values that every dialect has; `None` where there is none yet."""
        job = task.job
        status = self._status(task, snapshot)
        over = status in _OVER
        prompt = job.prompt if job.kind is not Kind.DESCRIBED else None
        started = not task.form and status != "NOT_START"
        failed = status == "FAILURE"
        return {
            "id": job.jobid,
            "action": task.action,
            "status": status,
            "prompt": prompt,
            "promptEn": self._described(job) if status == "SUCCESS" and job.kind is Kind.DESCRIBED else prompt,
            "state": None if self._drops_state or not job.echoes_reference(now) else job.echoed.get("state"),
            "submitTime": job.created_ms,
            "startTime": round((job.started_at + job.plan.queued / job.speed) * 1000) if started else None,
            "finishTime": round(snapshot.at * 1000) if over else None,
            "progress": self._progress(status, snapshot),
            "imageUrl": self._picture(job, snapshot) if status in ("IN_PROGRESS", "SUCCESS") else None,
            "failReason": (task.fail_reason or _fail_reason(snapshot)) if failed else None,
        }

    def _status(self, task: Task, snapshot: Snapshot) -> str:
        if task.form:
            return self._dialect.form_status
        return "FAILURE" if task.fail_reason else _STATUSES.get(snapshot.status, "FAILURE")

    def _progress(self, status: str, snapshot: Snapshot) -> str:
        if status == "FAILURE":
            return "100%" if self._dialect is NEWAPI else ""
        return {"SUCCESS": "100%", "IN_PROGRESS": f"{snapshot.step.percent or 0}%"}.get(status, "0%")

    def _picture(self, job: Job, snapshot: Snapshot) -> str | None:
        made = files(job, snapshot, self.grid_size)
        if not made:
            return None
        if self._dialect.own_pictures:
            number = "" if snapshot.status == "completed" else f"?rand={round(snapshot.at * 1e6)}"
            return self._cdn.permanent_link(f"/mj/image/{job.jobid}", made[0].draw) + number
        return self._cdn.link(made[0])

    def _described(self, job: Job) -> str:
        return midjourney_text.description(job)

    def _properties(self, task: Task, snapshot: Snapshot) -> Body:
        """Return what both families of servers put into `properties`."""
        job = task.job
        found: Body = {
            "notifyHook": job.echoed.get("notifyHook"),
            "nonce": "1500000000000000001",
            "discordInstanceId": ACCOUNT,
        }
        if task.form:
            return {**found, "messageId": job.snowflake(2, job.started_at), "flags": 0}
        if snapshot.status in ("progress", "completed"):
            described = job.kind is Kind.DESCRIBED
            found["finalPrompt"] = midjourney_text.description(job) if described else midjourney_text.rewritten(job)
            if snapshot.step.preview or snapshot.status == "completed":
                found["messageHash"] = str(job.uuid)
        if snapshot.status == "completed":
            found |= {"messageId": job.message_id(snapshot), "flags": 0}
        return found

    def _trueai(self, task: Task, snapshot: Snapshot, common: Body) -> Body:
        job = task.job
        completed = common["status"] == "SUCCESS"
        singles = [self._cdn.permanent_link(path, draw) for path, draw in full_size(job, self.grid_size)]
        properties: Body = {**self._properties(task, snapshot), "botType": "MID_JOURNEY", "discordChannelId": CHANNEL}
        if completed and job.kind is not Kind.DESCRIBED:
            properties["messageContent"] = midjourney_text.content(job, snapshot)
        elif snapshot.status == "progress":
            properties["progressMessageId"] = job.message_id(snapshot)
        if task.custom_id:
            properties["custom_id"] = task.custom_id
        if task.custom_id and completed:
            properties |= {"remix_u_custom_id": task.custom_id, "action_index": 1}
        made = files(job, snapshot, self.grid_size)
        picture = made[0] if completed and made else None
        return {
            **_TRUEAI,
            **common,
            "parentId": job.plan.parent,
            "isCompleted": common["status"] in _OVER,
            "promptFull": midjourney_text.rewritten(job) if completed else None,
            "description": "Waiting for window confirm" if task.form else task.description or None,
            "buttons": buttons.described(job, emoji_objects=False) if completed else [],
            "imageUrls": [{"url": url, "thumbnail": url} for url in singles]
            if completed and self._four_pictures and job.kind is Kind.GRID
            else None,
            "isOfficial": self._four_pictures,
            "isDiscord": not self._four_pictures,
            "displays": {**_DISPLAYS, "status": common["status"], "action": common["action"]},
            "jobId": str(job.uuid) if completed else None,
            "mode": _MODES.get(job.plan.mode.partition(",")[0], "FAST"),
            "url": self._cdn.link(made[0]) if completed and made else None,
            "width": picture.width if picture else None,
            "height": picture.height if picture else None,
            "size": len(picture.draw()) if picture else None,
            "contentType": picture.content_type if picture else None,
            "imageHeight": picture.height if picture else None,
            "imageWidth": picture.width if picture else None,
            "thumbnailUrl": common["imageUrl"] if completed else None,
            "version": "v 7" if completed else None,
            "properties": properties,
        }

    def _node(self, task: Task, snapshot: Snapshot, common: Body) -> Body:
        job = task.job
        properties = self._properties(task, snapshot)
        if task.form:
            properties |= {"customId": task.custom_id, "finalPrompt": job.prompt}
        if "finalPrompt" in properties:
            properties["progressMessageId"] = "1400000000000000000"
        progress = None if common["status"] == "NOT_START" else common["progress"]
        body: Body = {**common, "progress": progress, "properties": properties, "description": task.description}
        if common["status"] == "SUCCESS" and job.kind not in (Kind.GRID, Kind.DESCRIBED):
            body["buttons"] = properties["buttons"] = buttons.described(job, emoji_objects=True)
            properties["referencedMessageId"] = "1400000000000000004"
        return {name: value for name, value in body.items() if value is not None}

    def _newapi(self, task: Task, _: Snapshot, common: Body) -> Body:
        job = task.job
        completed = common["status"] == "SUCCESS"
        filled = {name: "" if value is None and name not in _TIMES else value or 0 for name, value in common.items()}
        return {
            **filled,
            "state": common["state"] or "",
            "description": "Submit success",
            "videoUrl": "",
            "imageUrls": [],
            "buttons": buttons.described(job, emoji_objects=False) if completed else None,
            "properties": {"finalPrompt": midjourney_text.rewritten(job), "finalZhPrompt": ""} if completed else None,
        }

    def _novi(self, task: Task, snapshot: Snapshot, common: Body) -> Body:
        return {**common, "description": task.description, "properties": self._properties(task, snapshot)}


_TIMES = ("submitTime", "startTime", "finishTime")
_DISPLAYS: Mapping[str, object] = {
    "status": "",
    "submitTime": "2026-08-03 16:00:00",
    "startTime": "2026-08-03 16:00:01",
    "finishTime": None,
    "action": "",
    "discordInstanceId": ACCOUNT,
}
_FALSE = (
    *("isWhite", "remixAutoSubmit", "remixModaling", "isCompleted", "hasAIReviewRetried", "isThirdParty", "isPartner"),
    *("isPartnerRelax", "isOfficial", "isReplicate", "isHdVideo"),
)
_NULL = (
    *("parentId", "realBotType", "interactionMetadataId", "messageId", "remixModalMessageId", "subInstanceId"),
    *("promptFull", "language", "baseImageUrl", "imageUrls", "thumbnailUrl", "partnerTaskId", "partnerTaskInfo"),
    *("officialTaskId", "officialTaskInfo", "seed", "seedError", "seedMessageId", "jobId", "replicateSource"),
    *("replicateTarget", "requestMode", "url", "proxyUrl", "height", "width", "size", "contentType", "imageHeight"),
    *("imageWidth", "videoGenOriginImageUrl", "videoDuration", "frameCount", "videoUrl", "videoUrls", "version"),
    *("storageOption", "videoType"),
)
_TRUEAI: Body = {
    **dict.fromkeys(_NULL),
    **dict.fromkeys(_FALSE, False),
    "botType": "MID_JOURNEY",
    "userId": "user",
    "nonce": "1500000000000000001",
    "instanceId": ACCOUNT,
    "messageIds": [],
    "isDiscord": True,
    "clientIp": "192.0.2.10",
    "accountFilter": {**_FILTER, "modes": []},
    "useTime": "-",
}


def _fail_reason(snapshot: Snapshot) -> str:
    if snapshot.status == "cancelled":
        return "取消任务"
    title, text = midjourney_text.ERRORS.get(snapshot.status, ("", "未知错误"))
    return f"[{title}] {text}" if title else text
