"""A useapi that answers every poll with a running job of the requested id, as fast as a C server can.

nginx, where it is installed; else one of Python's own, which is then the bottleneck: the section says which it was.
"""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from tests.bench.alone import FAR, pin

_NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors crit;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; default_type application/json;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $arg_jobid $number {{ "~^job(?:%3A|:)(?<digits>[0-9]+)-" $digits; }}
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 200 '{body}'; }} }}
}}
"""
_PLACEHOLDER = "N" * 17
_NUMBER = re.compile(rb"jobid=job(?:%3A|:)([0-9]+)-")
SAMPLE = Path(__file__).parents[1] / "samples" / "imagine_progress_47.json"


def jobid_of(number: int | str) -> str:
    """The jobid with this number, which has 17 digits."""
    return f"job:{number:0>17}-user:12345-channel:1502243953687265485-bot:midjourney"


def answer(number: int | str) -> dict[str, Any]:
    """A running job as useapi returns it, about 2 KB; its `updated` never changes."""
    response: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return response | {"jobid": jobid_of(number)}


@contextmanager
def quick_useapi(clock: str = "") -> Iterator[tuple[str, str]]:
    """Its address, and what it is; `clock` is the field that tells the server's time, so that answers differ."""
    response = answer(_PLACEHOLDER)
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    with TemporaryDirectory(prefix="bench-far-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        if binary:
            body = json.dumps(response | ({clock: "NOW"} if clock else {}))
            body = body.replace("\\", "\\\\").replace("'", "\\'").replace("$", "").replace("NOW", "$time_iso8601")
            body = body.replace(_PLACEHOLDER, "${number}")
            config = Path(folder) / "nginx.conf"
            config.write_text(_NGINX.format(folder=folder, port=port, body=body), encoding="utf-8")
            command = [binary, "-c", str(config), "-p", folder, "-e", f"{folder}/errors"]
        else:
            command = [sys.executable, "-m", "tests.bench.remote", str(port), clock]
        server = subprocess.Popen(command, preexec_fn=lambda: pin(FAR))
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}/v2", "nginx" if binary else "a small server in Python, for lack of nginx"
        finally:
            server.terminate()
            server.wait(10)


def wait_for(port: int) -> None:
    """Return when something listens there; raises `RuntimeError` after ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("The far end did not come up")


class _Answering(asyncio.Protocol):
    """Answers each request head as it comes; only the job's number is read from it."""

    def __init__(self, clock: str) -> None:
        self._clock = clock
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        *heads, self._buffer = (self._buffer + data).split(b"\r\n\r\n")
        stamp = {self._clock: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} if self._clock else {}
        template = json.dumps(answer(_PLACEHOLDER) | stamp).encode() if heads else b""
        for request in heads:
            number = _NUMBER.search(request)
            body = template.replace(_PLACEHOLDER.encode(), number[1] if number else b"")
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self._transport.write(head.encode() + body)


async def _serve(port: int, clock: str) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(clock), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1]), sys.argv[2]))
