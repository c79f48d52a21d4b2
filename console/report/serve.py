"""`invoke check.serve`: the page and the figures of one stack, live, until Ctrl-C."""

from __future__ import annotations

import threading

from backup.sets import folders
from console.report.gathered import gather
from console.report.looks import Looks, Seen
from console.report.page import page
from console.report.server import EVERY_MINUTE, Server, running
from core.errors import PlatformError
from core.yielding import yield_processor
from infra import connections
from infra.components.names import LIVE_PAGE
from infra.connections import PageAccess, Platform
from monitor import exposition, signs
from schedule import figures


def serve(stack: str, port: int, pause: float) -> int:
    """Serve until Ctrl-C. Raises PlatformError where the stack is not up, is of an older version, or the port is taken."""
    yield_processor()
    platform = connections.load(stack)

    def look() -> Seen:
        # The newest passwords and certificates: both change while this runs.
        current = connections.load(stack)
        server.admit(_access(current))
        return seen(current)

    server = Server(port, Looks(look, pause), _access(platform))
    with running(server):
        print(f"stack {platform.stack}: {server.url}  (figures: {server.url}metrics)")
        print(f"user {LIVE_PAGE}, password: invoke outputs --show-secrets --json | jq -r .page.password")
        print(f"the browser has to trust {platform.ca_file}; Ctrl-C ends it", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


def seen(platform: Platform) -> Seen:
    """One look at the stack: all checks, the page, and the figures of the same checks."""
    content = gather(platform)
    known = figures.gather(content.results, content.accounts, folders.folder_of(platform.stack), signs.folder_of(platform.stack))
    return Seen(page(content, again=EVERY_MINUTE).encode(), exposition.registry(known))


def _access(platform: Platform) -> PageAccess:
    if platform.page is None:
        raise PlatformError(
            what=f"stack {platform.stack} has no certificate and no password for its page",
            where="its outputs: an older version brought it up",
            next_step=f"invoke up --stack {platform.stack}, then run this again",
        )
    return platform.page
