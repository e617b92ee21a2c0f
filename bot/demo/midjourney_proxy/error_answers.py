"""The answers of the protocol's servers that refuse or fail, to be ordered by tests."""

from bot.demo.fake_server.faults import ErrorAnswers
from bot.demo.midjourney_proxy.dialects import CHINESE, Body

_EXISTING: Body = {"status": "SUCCESS", "imageUrl": "https://xxxx"}
_UNREADABLE: Body = {"success": False, "code": -1, "message": "服务异常，请稍后重试", "timestamp": "639213000000000000"}
_LIMIT: Body = {"success": False, "code": -1, "message": "并发数已达上限", "timestamp": "639213000000000000"}
ERROR_ANSWERS = ErrorAnswers(
    statuses={401: {"error": "Unauthorized"}, 500: _UNREADABLE},
    named={
        "queue_full": (200, {"code": 23, "description": CHINESE["full"], "properties": {}}),
        "queue_full_9": (200, {"code": 9, "description": "提交失败，队列已满，请稍后重试", "properties": {}}),
        "busy": (429, {"error": {"message": "Too many requests"}}),
        "unknown_job": (400, {"description": "task_no_found ", "type": "upstream_error", "code": 4}),
        "account_blocked": (200, {"code": 3, "description": CHINESE["no_account"], "properties": {}}),
        "limit": (200, _LIMIT),
        "daily_limit": (200, {**_LIMIT, "message": "用户今日绘图次数已达上限"}),
        "unreadable": (200, _UNREADABLE),
        "failure": (200, {"code": 9, "description": "提交失败", "properties": {}}),
        "group_full": (429, {"description": "当前分组上游负载已饱和 ", "type": "upstream_error", "code": 30}),
        "no_quota": (400, {"description": "quota_not_enough ", "type": "upstream_error", "code": 4}),
        "upstream_400": (400, {"description": "do_request_failed ", "type": "upstream_error", "code": 4}),
        "model_not_found": (
            503,
            {"error": {"code": "model_not_found", "message": "无可用渠道", "type": "new_api_error"}},
        ),
        "declined": (200, {"code": 24, "description": CHINESE["banned"], "properties": {"bannedWord": "nude"}}),
        "exists": (
            200,
            {
                "code": 21,
                "description": "任务已存在",
                "result": "0741798445574458",
                "properties": {"status": "SUCCESS"},
            },
        ),
    },
    job={"id": "1785744000123456", "action": "IMAGINE", "status": "IN_PROGRESS", "progress": "35%", "prompt": "x"},
)
