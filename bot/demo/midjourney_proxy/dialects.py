"""How the servers of the protocol differ."""

from collections.abc import Mapping
from dataclasses import dataclass

Body = dict[str, object]

ACCOUNT = "1118138338562560102"
"""The id of the Midjourney account behind every server."""

_SUBMITS = ("imagine", "describe", "blend", "shorten", "action", "modal", "change", "simple-change")
CHINESE = {
    "done": "提交成功",
    "queued": "排队中，前面还有{0}个任务",
    "full": "队列已满，请稍后尝试",
    "unknown": "关联任务不存在或已失效",
    "unfinished": "关联任务状态错误",
    "action": "未知的 Action 类型",
    "missing": "{0}不能为空",
    "banned": "可能包含敏感词",
    "no_account": "无可用的账号实例",
    "account_off": "无可用的账号实例",
}
_ENGLISH = {
    "done": "Submission successful",
    "queued": "In queue, {0} tasks ahead",
    "full": "Queue is full, please try again later",
    "unknown": "related task does not exist or has expired",
    "unfinished": "related task status error",
    "action": "unknown action",
    "missing": "{0} cannot be empty",
    "banned": "may contain sensitive words",
    "no_account": "No available account instance",
    "account_off": f"Account unavailable: {ACCOUNT}",
}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One kind of server.

    - `words`: the descriptions of its answers
    - `submits`: the submissions that it knows; others are routes that it lacks
    - `unknown`: status and body of a GET of an unknown task; `missing_route`: of a route that it lacks
    - `header`: the header that it reads its secret from; a `bearer` goes before the secret, `also` is read without it
    - `grid_buttons`, `other_buttons`: whether the tasks of grids, and of other pictures, have buttons
    - `remix`: remix mode is known; otherwise `enableRemix` changes nothing
    - `remix_code`: the code where a press opens a form, but not that of Custom Zoom and Vary (Region)
    - `new_id_after_form`: submit/modal makes a new task and leaves the old one
    - `banned_at_once`: a banned word is a code 24; otherwise the task fails
    - `refuses_by_status`: an unknown or unfinished parent is an HTTP error
    - `full_code`: the code where the queue is full; an `endless_queue` never is, and counts running tasks too
    - `has_list` (at most `longest_list`), `has_queue`, `has_admin`, `has_seed`, `has_prefixes`: routes
    - `own_pictures`: pictures are at the server's own address; `late_state`: seconds until a task has its state
    - `calls_every`: seconds between two callbacks about a task, news or not
    - `unordered_calls`: callbacks overtake each other, and the one about the end comes twice
    """

    name: str
    words: Mapping[str, str]
    submits: tuple[str, ...]
    unknown: tuple[int, str]
    missing_route: tuple[int, str, str]
    unauthorized: tuple[str, str]
    header: str
    bearer: str = ""
    also: str = ""
    grid_buttons: bool = True
    other_buttons: bool = True
    form_status: str = "MODAL"
    remix: bool = True
    remix_code: int = 21
    new_id_after_form: bool = False
    banned_at_once: bool = True
    refuses_by_status: bool = False
    full_code: int = 23
    endless_queue: bool = False
    has_list: bool = False
    longest_list: int | None = None
    has_queue: bool = False
    has_admin: bool = False
    has_seed: bool = True
    has_prefixes: bool = False
    own_pictures: bool = False
    late_state: float = 0.0
    calls_every: float | None = None
    unordered_calls: bool = False


def _without(*names: str) -> tuple[str, ...]:
    return tuple(name for name in _SUBMITS if name not in names)


_PAGE = "<!DOCTYPE html><html><head><title>New API</title></head><body></body></html>"
_SPRING = '{"timestamp":"2026-08-03T08:00:00.000+00:00","status":404,"error":"Not Found","path":"/mj"}'
_FASTIFY = '{"message":"Route GET:/mj not found","error":"Not Found","statusCode":404}'

TRUEAI = Dialect(
    name="trueai",
    words={**CHINESE, "full": "提交失败，队列已满，请稍后重试"},
    submits=_without("change", "simple-change"),
    unknown=(204, ""),
    missing_route=(404, "", "text/plain"),
    unauthorized=("Authorization header missing.", "text/plain"),
    header="Authorization",
    also="Mj-Api-Secret",
    banned_at_once=False,
    refuses_by_status=True,
    full_code=9,
    has_list=True,
    longest_list=100,
    has_admin=True,
    has_prefixes=True,
    unordered_calls=True,
)
NODE = Dialect(
    name="node",
    words=_ENGLISH,
    submits=_SUBMITS,
    unknown=(200, "null"),
    missing_route=(404, _FASTIFY, "application/json"),
    unauthorized=('{"error":"Unauthorized"}', "application/json"),
    header="mj-api-secret",
    grid_buttons=False,
    form_status="NOT_START",
    remix=False,
    endless_queue=True,
    new_id_after_form=True,
    has_list=True,
    has_queue=True,
    calls_every=0.1,
)
NEWAPI = Dialect(
    name="newapi",
    words=CHINESE,
    submits=_SUBMITS,
    unknown=(400, '{"description":"task_no_found ","type":"upstream_error","code":4}'),
    missing_route=(200, _PAGE, "text/html"),
    unauthorized=('{"error":{"code":"","message":"无效的令牌","type":"new_api_error"}}', "application/json"),
    header="Authorization",
    bearer="Bearer ",
    remix_code=1,
    refuses_by_status=True,
    has_prefixes=True,
    own_pictures=True,
    late_state=15.0,
)
NOVI = Dialect(
    name="novi",
    words=CHINESE,
    submits=_without("action", "modal", "shorten"),
    unknown=(200, ""),
    missing_route=(404, _SPRING, "application/json"),
    unauthorized=("", "text/plain"),
    header="mj-api-secret",
    grid_buttons=False,
    other_buttons=False,
    has_list=True,
    has_queue=True,
    has_seed=False,
)
DIALECTS = {dialect.name: dialect for dialect in (TRUEAI, NODE, NEWAPI, NOVI)}
