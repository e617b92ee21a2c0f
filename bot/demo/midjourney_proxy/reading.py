"""The routes that read tasks, and trueai's for administrators."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from bot.demo.fake_server.requests import body_fields
from bot.demo.midjourney.attachments import files
from bot.demo.midjourney.job import CHANNEL
from bot.demo.midjourney_proxy.dialects import NODE, Body, Dialect
from bot.demo.midjourney_proxy.serializer import Serializer
from bot.demo.midjourney_proxy.tasks import Task, Tasks

FORBIDDEN_FOR_USERS = {"code": 4, "description": "演示模式，禁止操作", "properties": {}}


class Reading:
    """The handlers. `pinned` holds responses by task id, which replace the computed ones."""

    def __init__(
        self, tasks: Tasks, serializer: Serializer, dialect: Dialect, *, is_admin: Callable[[web.Request], bool]
    ) -> None:
        self.pinned: dict[str, Callable[[], web.StreamResponse]] = {}
        self.locked = False
        self._tasks = tasks
        self._serializer = serializer
        self._dialect = dialect
        self._is_admin = is_admin

    def routes(self) -> list[web.RouteDef]:
        """Return the routes that this dialect has."""
        dialect = self._dialect
        found = [
            web.get("/mj/task/{id}/fetch", self.fetch),
            web.post("/mj/task/list-by-condition", self.many),
        ]
        if dialect.has_list:
            found.append(web.get("/mj/task/list", self.listed))
        if dialect.has_queue:
            found.append(web.get("/mj/task/queue", self.queue))
        if dialect.has_seed:
            found.append(web.get("/mj/task/{id}/image-seed", self.seed))
        if dialect.has_admin:
            found += [
                web.get("/mj/home", self.home),
                web.post("/mj/task/{id}/cancel", self.cancel),
                web.post("/mj/admin/tasks", self.admin_tasks),
                web.get("/mj/admin/accounts", self.accounts),
            ]
        return found

    async def describe(self, task: Task, *, ago: float = 0.0) -> Body:
        """Return a task as of `ago` seconds before now; its picture is drawn in a thread."""
        job, now = task.job, self._tasks.account.now() - ago
        for file in files(job, job.snapshot(now), self._serializer.grid_size):
            await asyncio.to_thread(file.draw)  # drawn once, then cached
        return self._serializer.body(task, now)

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """GET task/{id}/fetch: the task, unwrapped."""
        jobid = request.match_info["id"]
        if jobid in self.pinned:
            return self.pinned[jobid]()
        task = self._tasks.get(jobid)
        if task is None:
            status, body = self._dialect.unknown
            return web.Response(status=status, text=body or None, content_type="application/json")
        self._start(task)
        return web.json_response((await self._described([task]))[0])

    async def many(self, request: web.Request) -> web.Response:
        """POST task/list-by-condition {ids}: the tasks that it knows, in its own order."""
        ids = (await body_fields(request)).get("ids")
        selected = set(map(str, ids)) if isinstance(ids, list) else set()
        found = [task for task in self._tasks.all() if task.job.jobid in selected]
        for task in found:
            self._start(task)
        return web.json_response(await self._described(found))

    async def listed(self, _: web.Request) -> web.Response:
        """GET task/list: the tasks of all users, trueai's only the newest."""
        found = self._tasks.all()
        most = self._dialect.longest_list
        return web.json_response(await self._described(found[-most:] if most else found))

    async def queue(self, _: web.Request) -> web.Response:
        """GET task/queue: the tasks that have not ended."""
        return web.json_response(
            await self._described([task for task in self._tasks.all() if not self._tasks.is_over(task)])
        )

    async def seed(self, request: web.Request) -> web.Response:
        """GET task/{id}/image-seed: the seed of a completed task."""
        task = self._tasks.get(request.match_info["id"])
        if task is None or not self._tasks.is_over(task):
            status = 404 if self._dialect.refuses_by_status else 200
            return web.json_response({"code": 3, "description": self._dialect.words["unknown"]}, status=status)
        seed = str(task.job.art.seed & 0xFFFFFFFF)
        if self._dialect is NODE:
            return web.json_response({"code": 1, "seed": seed})
        return web.json_response({"code": 1, "description": "成功", "result": seed, "properties": {}})

    async def home(self, _: web.Request) -> web.Response:
        """GET home: numbers for everybody."""
        return web.json_response({"todayDraw": len(self._tasks.all()), "totalDraw": len(self._tasks.all())})

    async def cancel(self, request: web.Request) -> web.Response:
        """POST task/{id}/cancel: for administrators; empty even for an unknown task, and Midjourney goes on."""
        if not self._is_admin(request):
            return web.json_response(FORBIDDEN_FOR_USERS, status=400)
        task = self._tasks.get(request.match_info["id"])
        if task is not None and not self._tasks.is_over(task):
            task.job.cancel(self._tasks.account.now())
            task.form = False
        return web.Response()

    async def admin_tasks(self, request: web.Request) -> web.Response:
        """POST admin/tasks {search, pagination}: `search.id` is the id or the `state`."""
        if not self._is_admin(request):
            return web.Response(status=401, text="未授权")
        criteria = (await body_fields(request)).get("search")
        selected = str(criteria.get("id", "")) if isinstance(criteria, dict) else ""
        found = [task for task in self._tasks.all() if selected in ("", task.job.jobid, task.job.echoed.get("state"))]
        pagination = {"current": 1, "pageSize": 100, "total": len(found)}
        return web.json_response({"list": await self._described(found), "pagination": pagination, "extendData": None})

    async def accounts(self, request: web.Request) -> web.Response:
        """GET admin/accounts: with the secret token of the Discord account."""
        if not self._is_admin(request):
            return web.Response(status=401, text="未授权")
        account: Body = {
            "id": CHANNEL,
            "channelId": CHANNEL,
            "guildId": "1118138338562560101",
            "userToken": "MTI.secret.token",
            "enable": not self.locked,
            "lock": self.locked,
            "disabledReason": "CF 验证" if self.locked else None,
            "coreSize": self._tasks.account.max_jobs,
            "queueSize": 10,
        }
        return web.json_response([account])

    def _start(self, task: Task) -> None:
        """Start a job that waits for its first request; a form waits for its prompt."""
        if not task.form:
            self._tasks.account.start_if_dormant(task.job)

    async def _described(self, tasks: list[Task]) -> list[Body]:
        """Describe tasks; where two have one id, the other one comes first."""
        bodies: list[Body] = []
        for task in tasks:
            body = await self.describe(task)
            if task.job.jobid in self._tasks.doubled:
                bodies.append({**body, "state": "somebody-else", "prompt": "another picture"})
            bodies.append(body)
        return bodies
