"""A useapi that answers every look with the same running job, as fast as a C server can.

nginx, where it is installed; else one of Python's own, which is then the bottleneck: the section says which it was.
"""

import asyncio
import json
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
  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 200 '{body}'; }} }}
}}
"""
SAMPLE = Path(__file__).parents[1] / "samples" / "imagine_progress_47.json"


def answer() -> dict[str, Any]:
    """A running job as useapi tells it, about 2 KB; its `updated` stands still."""
    response: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return response


@contextmanager
def quick_useapi(clock: str = "") -> Iterator[tuple[str, str]]:
    """Its address, and what it is; `clock` is the field that tells the server's time, so that answers differ."""
    response = answer()
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    with TemporaryDirectory(prefix="bench-far-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        if binary:
            body = json.dumps(response | ({clock: "NOW"} if clock else {}))
            body = body.replace("\\", "\\\\").replace("'", "\\'").replace("$", "").replace("NOW", "$time_iso8601")
            config = Path(folder) / "nginx.conf"
            config.write_text(_NGINX.format(folder=folder, port=port, body=body), encoding="utf-8")
            command = [binary, "-c", str(config), "-p", folder, "-e", f"{folder}/errors"]
        else:
            command = [sys.executable, "-m", "tests.bench.remote", str(port), clock]
        server = subprocess.Popen(command, preexec_fn=lambda: pin(FAR))
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}/v2", "nginx" if binary else "a small server in Python, for lack of nginx"
        finally:
            server.terminate()
            server.wait(10)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("The far end did not come up")


class _Answering(asyncio.Protocol):
    """Answers each request head as it comes; nothing of it is read."""

    def __init__(self, clock: str) -> None:
        self._clock = clock
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        *heads, self._buffer = (self._buffer + data).split(b"\r\n\r\n")
        stamp = {self._clock: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} if self._clock else {}
        body = json.dumps(answer_of_this_process | stamp).encode() if heads else b""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write((head.encode() + body) * len(heads))


answer_of_this_process = answer()


async def _serve(port: int, clock: str) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(clock), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1]), sys.argv[2]))
