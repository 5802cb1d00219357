"""nginx with the nchan module, as Debian packages it: frames are posted to it over HTTP."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from bench.push.crowd import Greeting
from bench.push.frame import frame_text
from bench.push.program import Publish, own_folder, serve
from bench.world import free_port

MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
CONFIGURED = """
load_module {module};
daemon off; worker_processes 1; worker_rlimit_nofile 65536;
pid {place}/nginx.pid; error_log {place}/error.log;
events {{ worker_connections 32768; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; nchan_shared_memory_size 512m;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location ~ ^/hear/(.+)$ {{ nchan_subscriber websocket; nchan_channel_id $1; nchan_subscriber_first_message newest; }}
    location ~ ^/tell/(.+)$ {{ nchan_publisher http; nchan_channel_id $1; nchan_message_buffer_length 100; nchan_message_timeout 30s; }}
  }}
}}
"""


def missing() -> str:
    there = _nginx() and MODULE.exists()
    return "" if there else "nginx with nchan is not installed: apt-get install nginx libnginx-mod-nchan (Debian)"


def greeting(channel: str) -> Greeting:
    return f"/hear/{channel}", []


def run(measured: list[int]) -> None:
    """A child's function."""
    port = free_port()
    with own_folder() as place:
        place.chmod(0o711)  # root's nginx works as somebody else
        configured = place / "nginx.conf"
        configured.write_text(CONFIGURED.format(module=MODULE, place=place, port=port))
        serve([str(_nginx()), "-p", str(place), "-c", str(configured)], port, lambda: _publishing(port), measured)


def _nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def _publishing(port: int) -> Publish:
    line = socket.create_connection(("127.0.0.1", port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made: dict[str, bytes] = {}

    def publish(channels: list[str]) -> None:
        for channel in channels:
            if channel not in made:
                made[channel] = _post(channel)
        line.sendall(b"".join([made[channel] for channel in channels]))
        answers, tail = 0, b""
        while answers < len(channels):
            part = line.recv(1 << 16)
            if not part:
                raise ConnectionError("nginx closed the line")
            answers += (tail + part).count(b"HTTP/1.1 2") - tail.count(b"HTTP/1.1 2")
            tail = (tail + part)[-9:]

    return publish


def _post(channel: str) -> bytes:
    text = frame_text(channel).encode()
    head = f"POST /tell/{channel} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(text)}\r\n\r\n"
    return head.encode() + text
