"""A midjourney-proxy server that answers task/list-by-condition with a running task for each requested id."""

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from tests.bench.alone import FAR, pin
from tests.bench.remote import wait_for

_FIRST_ID = 1_700_000_000_000_000
_IDS = re.compile(rb'"([0-9]{16})"')
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_SAMPLE = Path(__file__).parents[1] / "samples" / "midjourney_proxy" / "reconstructed_trueai_task_in_progress_47.json"


def jobid_of(number: int) -> str:
    """The task id with this number."""
    return str(_FIRST_ID + number)


def number_of(jobid: str) -> int:
    """The number in a task id."""
    return int(jobid) - _FIRST_ID


def answer(jobid: str) -> bytes:
    """A running task as trueai's server returns it, about 2 KB; it never changes."""
    task: dict[str, Any] = json.loads(_SAMPLE.read_text(encoding="utf-8"))
    return json.dumps(task | {"id": jobid}, separators=(",", ":")).encode()


@contextmanager
def quick_proxy() -> Iterator[str]:
    """Its address; it runs in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", __name__, str(port)], preexec_fn=lambda: pin(FAR))
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


class _Answering(asyncio.Protocol):
    """Answers each request as it comes; what it lacks is a 404."""

    def __init__(self, before_id: bytes, after_id: bytes) -> None:
        self._before_id, self._after_id = before_id, after_id
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head, length = self._buffer[:end], _LENGTH.search(self._buffer, 0, end)
            end += 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < end:
                return
            self._answer(head, self._buffer[len(head) : end])
            self._buffer = self._buffer[end:]

    def _answer(self, head: bytes, body: bytes) -> None:
        if b"/mj/task/list-by-condition " not in head:
            self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        tasks = b",".join(self._before_id + jobid + self._after_id for jobid in _IDS.findall(body))
        found = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(tasks) + 2}\r\n\r\n"
        self._transport.write(found.encode() + b"[" + tasks + b"]")


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    parts = answer(jobid_of(0)).split(jobid_of(0).encode())
    server = await loop.create_server(lambda: _Answering(parts[0], parts[1]), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1])))
