"""A real receiver of Alertmanager's webhooks, on an address that the stack's containers reach: their network's gateway."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "a-token-of-the-tests"


@dataclass
class Receiver:
    """What came with the right token, and how often something came without it."""

    address: str
    port: int
    alerts: list[dict[str, Any]] = field(default_factory=list)
    strangers: int = 0

    def configuration(self, *names: str) -> str:
        """Alertmanager's: the alerts of these names come here at once, others to nobody."""
        return f"""\
route:
  receiver: nobody
  routes:
    - receiver: tests
      matchers: ['alertname=~"{"|".join(names)}"']
      group_by: [alertname]
      group_wait: 1s
      group_interval: 2s
receivers:
  - name: nobody
  - name: tests
    webhook_configs:
      - url: http://{self.address}:{self.port}/alerts
        send_resolved: true
        http_config:
          authorization: {{type: Bearer, credentials: {TOKEN}}}
"""

    def told(self, name: str, status: str) -> dict[str, Any] | None:
        """The first alert of that name and status, `firing` or `resolved`."""
        return next((alert for alert in self.alerts if alert["labels"]["alertname"] == name and alert["status"] == status), None)


@contextlib.contextmanager
def receiving(address: str) -> Iterator[Receiver]:
    """Run a receiver there, on a free port."""
    receiver = Receiver(address, 0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            if known:
                receiver.alerts += json.loads(body)["alerts"]
            else:
                receiver.strangers += 1
            self.send_response(200 if known else 401)
            self.end_headers()

        def log_message(self, *said: object) -> None:
            del said

    server = ThreadingHTTPServer((address, 0), Handler)
    receiver.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
