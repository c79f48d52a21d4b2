from __future__ import annotations

import io
import re

import pytest

from core.errors import PlatformError
from core.progress import PlainProgress, TerminalProgress, format_count, format_seconds, is_terminal
from core.runner import INTERRUPTED, Progress, Step, report_failure, run_steps


def _nothing(_: Progress) -> None:
    pass


def _timeless(output: io.StringIO) -> list[str]:
    return [re.sub(r"\d+\.\d s", "T", line) for line in output.getvalue().splitlines()]


def test_steps_are_numbered_timed_and_reported_in_order() -> None:
    output = io.StringIO()
    steps = [Step("first", "why", run=lambda _: "two things"), Step("second", "why", run=_nothing)]
    assert run_steps(steps, stream=output) == 0
    assert _timeless(output) == [
        "Step 1/2 first …",
        "Step 1/2 first … done in T: two things",
        "Step 2/2 second …",
        "Step 2/2 second … done in T",
        "All 2 steps done in T.",
    ]


def test_a_count_begun_elsewhere_goes_on() -> None:
    output = io.StringIO()
    assert run_steps([Step("fourth", "why", run=_nothing)], first=4, total=5, stream=output) == 0
    assert _timeless(output)[0] == "Step 4/5 fourth …"


def test_a_step_that_is_done_does_not_run() -> None:
    output = io.StringIO()
    ran: list[str] = []
    assert run_steps([Step("a", "why", run=lambda _: ran.append("a"), done=lambda: True)], stream=output) == 0
    assert (ran, _timeless(output)) == ([], ["a … done in T (cached)"])


def test_a_failing_step_stops_the_run_with_one_message_and_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: Progress) -> None:
        raise PlatformError("No room", where="/data", next_step="free some", exit_code=3)

    output = io.StringIO()
    ran: list[str] = []
    code = run_steps([Step("disk", "why", run=fail), Step("b", "why", run=lambda _: ran.append("b"))], stream=output)
    assert (code, ran) == (3, [])
    assert _timeless(output)[-1] == "Step 1/2 disk … failed after T"
    assert capsys.readouterr().err == "error: No room\n  where: /data\n  next:  free some\n"


def test_an_unforeseen_error_says_how_to_see_more(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: Progress) -> None:
        raise ValueError("odd")

    assert run_steps([Step("a", "it matters", run=fail)], stream=io.StringIO(), again="make up") == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ValueError: odd\n  where: a (it matters)\n")
    assert "--debug" in message
    assert "Traceback" not in message


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="odd") as caught:
        raise ValueError("odd")
    assert report_failure(caught.value, debug=True) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_interrupt_says_that_the_next_run_goes_on() -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    output = io.StringIO()
    assert run_steps([Step("a", "why", run=interrupt)], again="make up", stream=output) == INTERRUPTED
    assert "`make up` continues from here" in output.getvalue()


def test_plain_progress_says_each_status_once_and_counts_sparingly() -> None:
    output = io.StringIO()
    progress = PlainProgress("images", output)
    progress.status("building")
    progress.status("building")
    for done in range(100):
        progress.count(done, 100, "MB")
    progress.log("kept")
    assert output.getvalue() == "  images: building\n  images: kept\n"


def test_the_live_line_is_drawn_and_wiped() -> None:
    output = io.StringIO()
    live = TerminalProgress("Step 1/2 images", output)
    live.status("building")
    live.count(1, 4, "images")
    live.start()
    live.stop()
    drawn = output.getvalue()
    assert "Step 1/2 images … building … ━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ 1/4 images" in drawn
    assert drawn.endswith("\r\x1b[2K")


def test_a_pipe_is_no_terminal() -> None:
    assert not is_terminal(io.StringIO())


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.3, "12 s"), (59.6, "1 min"), (125, "2 min 5 s")])
def test_durations_read_as_a_person_says_them(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_counts_with_and_without_a_total() -> None:
    assert (format_count(3, 7, "images"), format_count(3, 0, "modules")) == ("3/7 images", "3 modules")
