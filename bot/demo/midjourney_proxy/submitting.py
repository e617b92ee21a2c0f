"""The routes that submit: each starts a task, or refuses with a code of the protocol."""

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from bot.demo.fake_server.requests import body_fields
from bot.demo.midjourney.job import Job, JobPlan
from bot.demo.midjourney_proxy import buttons
from bot.demo.midjourney_proxy.dialects import ACCOUNT, NEWAPI, TRUEAI, Body, Dialect
from bot.demo.midjourney_proxy.tasks import Task, Tasks

FORBIDDEN = "forbidden"
"""A prompt with this word is declined, as one with a banned word is."""

_ECHOED = ("state", "notifyHook")
_NOT_FOUND, _INVALID, _QUEUED, _BANNED, _FORM = 3, 4, 22, 24, 21
_CHANGES = {"UPSCALE": "U", "VARIATION": "V"}
_DATA_URL = re.compile(r"data:image/(?:png|jpeg|webp|gif);base64")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8")
_SPEEDS = {"fast": "fast", "turbo": "turbo", "relax": "relaxed"}


class Refused(Exception):
    """An answer that refuses: the HTTP status and the whole body."""

    def __init__(self, status: int, body: Body) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


class Submitting:
    """The handlers.

    `plans` holds options of `JobPlan` for the jobs that the next submissions start, one each in this order.
    `on_started` is called with each job that was started, before the submission is answered.
    """

    def __init__(self, tasks: Tasks, dialect: Dialect, *, post_delay: float) -> None:
        self.plans: list[dict[str, Any]] = []
        self.locked = False
        self.on_started: Callable[[Job], Awaitable[None]] = _ignore
        self._tasks = tasks
        self._dialect = dialect
        self._post_delay = post_delay

    def routes(self) -> list[web.RouteDef]:
        """Return the routes that this dialect has, with its prefixes."""
        prefixes = ["/mj", "/mj-{speed:fast|turbo|relax}/mj"] if self._dialect.has_prefixes else ["/mj"]
        handlers = {
            "imagine": self.imagine,
            "describe": self.describe,
            "blend": self.blend,
            "shorten": self.shorten,
            "action": self.action,
            "modal": self.modal,
            "change": self.change,
            "simple-change": self.simple_change,
        }
        return [
            web.post(f"{prefix}/submit/{name}", self._answering(handlers[name]))
            for prefix in prefixes
            for name in self._dialect.submits
        ]

    async def imagine(self, fields: Mapping[str, Any], mode: str) -> Body:
        """POST imagine {prompt}."""
        prompt = self._required(fields, "prompt")
        return await self._start(fields, {"prompt": prompt, "mode": mode}, description=f"/imagine {prompt}")

    async def describe(self, fields: Mapping[str, Any], mode: str) -> Body:
        """POST describe {base64}."""
        if not _is_picture(self._required(fields, "base64")):
            raise self._refused(_INVALID, "missing", "base64")
        return await self._start(fields, {"verb": "describe", "mode": mode}, description="/describe")

    async def blend(self, fields: Mapping[str, Any], mode: str) -> Body:
        """POST blend {base64Array, dimensions}."""
        pictures = fields.get("base64Array")
        if not isinstance(pictures, list) or not 2 <= len(pictures) <= 5 or not all(map(_is_picture, pictures)):
            raise self._refused(_INVALID, "missing", "base64List")
        return await self._start(fields, {"verb": "blend", "mode": mode}, description="/blend")

    async def shorten(self, fields: Mapping[str, Any], mode: str) -> Body:
        """POST shorten {prompt}."""
        prompt = self._required(fields, "prompt")
        return await self._start(fields, {"verb": "shorten", "prompt": prompt, "mode": mode}, description="/shorten")

    async def action(self, fields: Mapping[str, Any], mode: str) -> Body:
        """POST action {taskId, customId}: a press; some open a form, which submit/modal takes."""
        custom_id = self._required(fields, "customId")
        parent = self._parent(fields)
        label = buttons.label_of(parent.job, custom_id)
        if label is None or not custom_id.startswith(buttons.KNOWN_ACTIONS):
            raise self._refused(_INVALID, "action")
        options = {"verb": "button", "button": label, "parent": parent.job.jobid, "mode": mode}
        description = f"/action {custom_id}"
        own_form = custom_id.startswith(buttons.OWN_FORMS)
        remix = self._dialect.remix and (bool(fields.get("enableRemix")) or self._tasks.account.remix)
        if not own_form and not (remix and label[:1] in ("V", "🔄", "⬅", "➡", "⬆", "⬇")):
            self._tasks_admit()
            self._tasks.charge(parent.job.jobid, custom_id)
            return await self._start(fields, options, custom_id=custom_id, description=description, admitted=True)
        self._check_account()
        plan = JobPlan.of({**options, "echoed": _echoed(fields)})
        task = self._tasks.add(plan, custom_id=custom_id, description=description, form=True)
        code = _FORM if own_form else self._dialect.remix_code
        if code != _FORM:
            return self._taken(task)
        properties = {"finalPrompt": parent.job.prompt, "remix": True}
        return {
            "code": code,
            "description": "Waiting for window confirm",
            "result": task.job.jobid,
            "properties": properties,
        }

    async def modal(self, fields: Mapping[str, Any], _mode: str) -> Body:
        """POST modal {taskId, prompt, maskBase64}: what a form of an action was waiting for."""
        task = self._tasks.get(self._required(fields, "taskId"))
        if task is None:
            raise self._unknown()
        if not task.form:
            raise self._refused(_INVALID, "unfinished")
        ahead = self._tasks_admit()
        job = task.job
        prompt = str(fields.get("prompt") or job.prompt)
        self._tasks.charge(job.plan.parent or "", task.custom_id)
        if self._dialect.new_id_after_form:
            plan = {"verb": "button", "button": job.button, "parent": job.plan.parent, "prompt": prompt}
            return await self._start(
                fields, plan, custom_id=task.custom_id, description=task.description, admitted=True
            )
        task.form = False
        job.prompt = prompt
        self._tasks.account.start_if_dormant(job)
        await self._answered(job)
        return self._taken(task, ahead)

    async def change(self, fields: Mapping[str, Any], mode: str) -> Body:
        """POST change {taskId, action, index}: a press of a grid's buttons, where tasks have no buttons."""
        action, index = fields.get("action"), fields.get("index")
        parent = self._parent(fields)
        label = "🔄" if action == "REROLL" else f"{_CHANGES.get(str(action), '?')}{index}"
        if label not in parent.job.buttons:
            raise self._refused(_INVALID, "missing", "action/index")
        self._tasks_admit()
        self._tasks.charge(parent.job.jobid, label)
        description = f"/up {parent.job.jobid} {'R' if action == 'REROLL' else label}"
        options = {"verb": "button", "button": label, "parent": parent.job.jobid, "mode": mode}
        return await self._start(fields, options, description=description, admitted=True)

    async def simple_change(self, fields: Mapping[str, Any], mode: str) -> Body:
        """POST simple-change {content: "<id> U2"}."""
        jobid, _, what = self._required(fields, "content").partition(" ")
        action = {"U": "UPSCALE", "V": "VARIATION", "R": "REROLL"}.get(what[:1], "")
        return await self.change({**fields, "taskId": jobid, "action": action, "index": what[1:]}, mode)

    # --- parts --------------------------------------------------------------------------------------------------------

    def _answering(
        self, handler: Callable[[Mapping[str, Any], str], Awaitable[Body]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            mode = _SPEEDS[request.match_info.get("speed", "fast")]
            try:
                return web.json_response(await handler(await body_fields(request), mode))
            except Refused as refused:
                return web.json_response(refused.body, status=refused.status)

        return answer

    async def _start(
        self,
        fields: Mapping[str, Any],
        options: dict[str, Any],
        *,
        custom_id: str = "",
        description: str = "",
        admitted: bool = False,
    ) -> Body:
        """Start a job, wait for as long as the server takes, and answer with its id."""
        ahead = self._ahead() if admitted else self._tasks_admit(of_parent=False)
        banned = FORBIDDEN in str(options.get("prompt") or "").lower()
        if banned and self._dialect.banned_at_once:
            properties = {"promptEn": options["prompt"], "bannedWord": FORBIDDEN}
            raise Refused(
                200, {"code": _BANNED, "description": self._dialect.words["banned"], "properties": properties}
            )
        if not admitted:
            self._tasks.charge("", str(options.get("verb", "imagine")))
        planned = self.plans.pop(0) if self.plans else {}
        queued = self._tasks.queued_for(ahead) * self._tasks.account.speed
        late = {"echoed_after": self._dialect.late_state} if self._dialect.late_state else {}
        plan = JobPlan.of({**options, "queued": queued, **late, "echoed": _echoed(fields), **planned})
        task = self._tasks.add(plan, custom_id=custom_id, description=description)
        if banned:
            task.fail_reason = self._dialect.words["banned"]
        await self._answered(task.job)
        return self._taken(task, ahead)

    async def _answered(self, job: Job) -> None:
        await asyncio.sleep(self._post_delay)
        job.note_post_answered(self._tasks.account.now())
        await self.on_started(job)

    def _taken(self, task: Task, ahead: int = 0) -> Body:
        properties: Body = {"discordInstanceId": ACCOUNT}
        result = task.job.jobid
        if self._dialect.endless_queue:
            ahead = max(len(self._tasks.account.running()) - 1, 0)
        if ahead and self._dialect is not NEWAPI:
            description = self._dialect.words["queued"].format(ahead)
            properties = {"numberOfQueues": ahead, **properties}
            return {"code": _QUEUED, "description": description, "result": result, "properties": properties}
        return {"code": 1, "description": self._dialect.words["done"], "result": result, "properties": properties}

    def _required(self, fields: Mapping[str, Any], name: str) -> str:
        value = fields.get(name)
        if not isinstance(value, str) or not value:
            raise self._refused(_INVALID, "missing", name)
        return value

    def _parent(self, fields: Mapping[str, Any]) -> Task:
        task = self._tasks.get(fields.get("taskId"))
        if task is None:
            raise self._unknown()
        if task.form or task.job.snapshot(self._tasks.account.now()).status != "completed":
            if self._dialect is NEWAPI:
                raise Refused(
                    400, {"description": "task_status_not_success ", "type": "upstream_error", "code": _INVALID}
                )
            raise self._refused(_INVALID, "unfinished")
        return task

    def _check_account(self, *, of_parent: bool = True) -> None:
        if self.locked:
            raise self._refused(_NOT_FOUND, "account_off" if of_parent else "no_account")

    def _tasks_admit(self, *, of_parent: bool = True) -> int:
        """Return how many are queued before the next task; refuses where the queue is full or no account works.

        `of_parent`: the account is that of a task's parent, not any.
        """
        self._check_account(of_parent=of_parent)
        return self._ahead()

    def _ahead(self) -> int:
        ahead = self._tasks.ahead()
        if ahead is None:
            raise self._refused(self._dialect.full_code, "full")
        return ahead

    def _unknown(self) -> Refused:
        if self._dialect is NEWAPI:
            return Refused(400, {"description": "task_not_found ", "type": "upstream_error", "code": _INVALID})
        return self._refused(_NOT_FOUND, "unknown", status=404 if self._dialect is TRUEAI else 200)

    def _refused(self, code: int, word: str, *values: object, status: int = 200) -> Refused:
        description = self._dialect.words[word].format(*values)
        properties = {"discordInstanceId": ACCOUNT} if word == "full" else {}
        body: Body = {"code": code, "description": description, "properties": properties}
        return Refused(status, {**body, "result": None} if self._dialect is TRUEAI else body)


def _is_picture(value: object) -> bool:
    """Whether this is the data URL of a picture."""
    head, _, encoded = str(value).partition(",")
    try:
        data = base64.b64decode(encoded, validate=True)
    except ValueError:
        return False
    return _DATA_URL.fullmatch(head) is not None and data.startswith(_PICTURES)


def _echoed(fields: Mapping[str, Any]) -> dict[str, object]:
    return {name: fields[name] for name in _ECHOED if isinstance(fields.get(name), str)}


async def _ignore(_job: Job) -> None:
    """Do nothing: without callbacks no one is called."""
