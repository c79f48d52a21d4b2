"""The output of Docker's builder: its present step, that step's line in the Dockerfile, and its result."""

from __future__ import annotations

import collections
import re
from collections.abc import Mapping

_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_EXIT_CODE = re.compile(r"The command .* returned a non-zero code: (\d+)", re.DOTALL)
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
_BUILT = re.compile(r"Successfully built ([0-9a-f]+)")
_ADVICE = (
    ("no space left on device", "free room where Docker keeps its images (`docker system df` shows what holds it)"),
    ("temporary failure resolving", "check that containers reach Debian's mirror (name service, proxy)"),
    ("could not connect", "check that containers reach Debian's mirror (firewall, proxy)"),
    (
        "unable to fetch",
        "check that containers reach Debian's mirror, or bring the base up to date (REFRESHED in airgap/images/versions.py)",
    ),
    ("was not found", "correct the version in airgap/images/versions.py: Debian's mirror has another one"),
    ("has no installation candidate", "correct the package or suite in airgap/images/versions.py"),
)


class BuildLog:
    """Collects a classic build's events. `step` of `steps` is the position, `image` and `failure` the result."""

    def __init__(self, dockerfile: str) -> None:
        self.step = 0
        self.steps = 0
        self.image = ""
        self.failure = ""
        self._lines = instruction_lines(dockerfile)
        self._instruction = ""
        self._output: collections.deque[str] = collections.deque(maxlen=200)

    def take(self, event: Mapping[str, object]) -> bool:
        """Process the next event; return whether it began a new step."""
        if "error" in event:
            # Docker repeats the whole instruction, which the Dockerfile's line already shows.
            ended = _EXIT_CODE.search(str(event["error"]))
            self.failure = f"a command in it ended with exit code {ended[1]}" if ended else _one_line(str(event["error"]))
            return False
        text = _ESCAPE.sub("", str(event.get("stream") or ""))
        begun = False
        for line in text.splitlines():
            step = _STEP.match(line)
            if step:
                self.step, self.steps, self._instruction = int(step[1]), int(step[2]), step[3]
                self._output.clear()
                begun = True
                continue
            built = _BUILT.match(line)
            if built:
                self.image = built[1]
            if line.strip():
                self._output.append(line.rstrip())
        return begun

    def position(self, dockerfile: str) -> str:
        """Return e.g. `airgap/images/redis/Dockerfile, line 7 (step 4/15: RUN set -eu; …)`."""
        if not self.step:
            return dockerfile
        line = f", line {self._lines[self.step - 1]}" if self.step <= len(self._lines) else ""
        return f"{dockerfile}{line} (step {self.step}/{self.steps}: {_shorten(_one_line(self._instruction), 80)})"

    def tail(self, count: int) -> list[str]:
        """Return the last output lines of the current step."""
        return list(self._output)[-count:]

    def advice(self) -> str:
        """Return advice for a failure, chosen by its message."""
        said = "\n".join([*self._output, self.failure]).lower()
        return next((advice for sign, advice in _ADVICE if sign in said), "correct that line of the Dockerfile")


def instruction_lines(dockerfile: str) -> list[int]:
    """Return the line number of each instruction, in the order of the builder's steps."""
    lines_of_instructions = []
    continued = False
    for number, line in enumerate(dockerfile.splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if not continued:
            lines_of_instructions.append(number)
        continued = text.endswith("\\")
    return lines_of_instructions


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
