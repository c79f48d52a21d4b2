"""A headless Chromium, steered through a pipe: what a page looks like, asks for, says and does with the keyboard."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.waiting import PATIENCE

AXE = "axe-core@4.14.1"
"""The rules of accessibility, by npm; nothing else of the project uses it."""
AXE_INTEGRITY = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
"""The SHA-512 of its package, as npm's own lock files have it."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Browser:
    """One page of a browser. `said` are errors and warnings of its console, `asked` the addresses it asked for."""

    def __init__(self, to: int, fro: int) -> None:
        self._to, self._from, self._rest = to, fro, b""
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self.said: list[str] = []
        self.asked: list[str] = []
        self._loaded = 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol, and its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": self._session} if self._session else {})
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def open(self, url: str) -> None:
        """Load a page, to the end."""
        self.said.clear()
        self.asked.clear()
        before = self._loaded
        failed = self.call("Page.navigate", url=url).get("errorText")
        assert not failed, f"{url}: {failed}"
        while self._loaded == before:
            self._read()

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def width(self, pixels: int, *, dark: bool = False) -> None:
        """Make the window that wide, in light or dark colours."""
        self.call("Emulation.setDeviceMetricsOverride", width=pixels, height=800, deviceScaleFactor=1, mobile=pixels < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def press(self, key: str) -> None:
        """A key, as the keyboard sends it."""
        code = {"Tab": 9, "Enter": 13}[key]
        more = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def picture(self, path: Path, clip: dict[str, float]) -> None:
        """A part of the page as WebP, seen or not."""
        taken = self.call("Page.captureScreenshot", format="webp", quality=75, clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def _read(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
            assert ready, "the browser does not answer"
            self._rest += os.read(self._from, 1 << 20)
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, event: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded += 1
        elif method == "Network.requestWillBeSent":
            self.asked.append(event["request"]["url"])
        elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
            self.said.append(event["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning"):
            self.said.append(str(event["args"]))
        elif method == "Runtime.exceptionThrown":
            self.said.append(str(event["exceptionDetails"]))


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own, gone afterwards."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    assert program, "pages are tried in a browser: apt-get install chromium"
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    # The protocol is spoken on the descriptors 3 and 4. Not by a shell: Debian's refuses to copy one of two digits.
    begin = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
    command = [sys.executable, "-c", begin, str(theirs_in), str(theirs_out), program]
    command += ["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}"]
    with subprocess.Popen(
        command, pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            page = Browser(ours_out, ours_in)
            yield page
            page._session = None
            page.call("Browser.close")
        finally:
            os.close(ours_out)
            os.close(ours_in)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()


def axe(folder: Path) -> str:
    """axe-core's script, by npm, checked against the sum that stands here."""
    npm = shutil.which("npm")
    assert npm, "the rules of accessibility come by npm: apt-get install npm"
    subprocess.run([npm, "pack", AXE, "--silent"], cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
    (archive,) = folder.glob("axe-core-*.tgz")
    assert base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() == AXE_INTEGRITY
    with tarfile.open(archive) as packed:
        script = packed.extractfile("package/axe.min.js")
        assert script
        return script.read().decode()
