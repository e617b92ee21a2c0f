"""The texts of servers of the protocol, most of them Chinese, by what they mean. None of them is shown to people.

The words are those in the sources of trueai-org/midjourney-proxy and novicezk/midjourney-proxy (Chinese), of a port of
the second (English), and of the relay QuantumNous/new-api (words with underscores).
"""

import re
from enum import Enum, auto


class Meaning(Enum):
    """What a text says. `meaning_of` reads the phrases in this order."""

    CANCELLED = auto()
    BANNED_WORD = auto()
    QUEUE_FULL = auto()
    DAILY_LIMIT = auto()
    LIMIT = auto()
    NO_QUOTA = auto()
    NO_ACCOUNT = auto()
    ACCOUNT_OFF = auto()
    NOT_COMPLETED = auto()
    UNKNOWN_TASK = auto()
    UNKNOWN_ACTION = auto()
    INCOMPLETE = auto()
    TIMED_OUT = auto()
    UPLOAD_FAILED = auto()
    SERVER_ERROR = auto()
    NOT_REACHED = auto()


_PHRASES: dict[Meaning, tuple[str, ...]] = {
    Meaning.CANCELLED: ("取消任务", "强制取消", "task cancelled", "task canceled"),
    Meaning.BANNED_WORD: ("敏感词", "sensitive word"),
    Meaning.QUEUE_FULL: ("队列已满", "队列数已达上限", "queue is full"),
    Meaning.DAILY_LIMIT: ("今日绘图次数已达上限", "总绘图次数已达上限"),
    Meaning.LIMIT: ("并发数已达上限", "请求过于频繁", "已达上限", "分组上游负载已饱和"),
    Meaning.NO_QUOTA: ("quota_not_enough", "额度不足", "insufficient_user_quota"),
    Meaning.NO_ACCOUNT: ("无可用的账号", "no available account"),
    Meaning.ACCOUNT_OFF: ("实例不可用", "账号不可用", "account unavailable"),
    Meaning.NOT_COMPLETED: ("关联任务状态错误", "task_status_not_success", "related task status error"),
    Meaning.UNKNOWN_TASK: (
        *("关联任务不存在", "任务不存在", "task_no_found", "task_not_found", "task_not_exist"),
        *("related task does not exist", "task does not exist", "task not found"),
    ),
    Meaning.UNKNOWN_ACTION: ("未知的 action", "未知的action", "unknown action", "unknown_action", "不支持的操作"),
    Meaning.INCOMPLETE: ("不能为空", "参数错误", "cannot be empty", "bind_request_body_failed", "prompt_is_required"),
    Meaning.TIMED_OUT: ("超时", "timeout", "timed out"),
    Meaning.UPLOAD_FAILED: ("上传失败", "upload failed"),
    Meaning.SERVER_ERROR: ("未知错误", "服务异常", "系统异常", "internal server error"),
    Meaning.NOT_REACHED: (
        *("econnrefused", "econnreset", "etimedout", "ehostunreach", "enetunreach", "enotfound", "eai_again", "eproto"),
        *("socket hang up", "request failed with status code", "connection refused", "no such host", "dial tcp"),
        *("actively refused", "http 4", "http 5"),
    ),
}
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LATIN = re.compile(r"[A-Za-z]")


def meaning_of(text: str) -> Meaning | None:
    """Return what a server's text says, `None` for an unknown text."""
    folded = text.casefold()
    return next((meaning for meaning, phrases in _PHRASES.items() if any(each in folded for each in phrases)), None)


def is_chinese(text: str) -> bool:
    """Whether a text is written in Chinese, rather than quoting some: the bot's sentences are English."""
    return len(_CHINESE.findall(text)) * 2 > len(_LATIN.findall(text))
