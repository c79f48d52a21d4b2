from __future__ import annotations

from collections.abc import Mapping

import pytest

from airgap.images.build_log import BuildLog, instruction_lines
from airgap.images.catalog import FOLDER, SERVICES

DOCKERFILE = """\
# a remark
ARG SUITE
FROM debian:${SUITE}-slim

RUN set -eu; \\
    # a remark within
    apt-get update; \\

    apt-get install nothing
COPY file /
"""


def _log(*events: Mapping[str, object]) -> BuildLog:
    log = BuildLog(DOCKERFILE)
    for event in events:
        log.take(event)
    return log


def test_instructions_are_counted_as_the_builder_counts_them() -> None:
    assert instruction_lines(DOCKERFILE) == [2, 3, 5, 10]


@pytest.mark.parametrize("service", SERVICES)
def test_the_projects_own_dockerfiles_are_counted_right(service: str) -> None:
    text = (FOLDER / service / "Dockerfile").read_text().splitlines()
    words = {text[number - 1].split()[0] for number in instruction_lines("\n".join(text))}
    assert words <= {
        "ARG",
        "FROM",
        "RUN",
        "COPY",
        "ENV",
        "LABEL",
        "USER",
        "WORKDIR",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }


def test_success_gives_the_image() -> None:
    log = _log({"stream": "Step 4/4 : COPY file /"}, {"stream": "\n"}, {"stream": " ---> 12ab\nSuccessfully built 0123456789ab\n"})
    assert (log.image, log.failure, log.step, log.steps) == ("0123456789ab", "", 4, 4)


def test_failure_gives_line_step_and_the_last_output_of_that_step() -> None:
    log = _log(
        {"stream": "Step 2/4 : FROM debian:trixie-slim"},
        {"stream": "output of an earlier step\n"},
        {"stream": "Step 3/4 : RUN set -eu;     apt-get update;     apt-get install nothing"},
        *({"stream": f"line {number}\n"} for number in range(30)),
        {"stream": "\x1b[91mE: Unable to locate package nothing\n\x1b[0m"},
        {"errorDetail": {"code": 100}, "error": "The command '/bin/sh -c …' returned a non-zero code: 100"},
    )
    assert log.position("x/Dockerfile") == "x/Dockerfile, line 5 (step 3/4: RUN set -eu; apt-get update; apt-get install nothing)"
    assert log.failure == "a command in it ended with exit code 100"
    tail = log.tail(20)
    assert len(tail) == 20
    assert "E: Unable to locate package nothing" in tail
    assert "output of an earlier step" not in "".join(tail)
    assert "\x1b" not in "".join(tail)


def test_failure_before_the_first_step_names_the_dockerfile() -> None:
    log = _log({"error": "Dockerfile parse error line 1: unknown instruction: FORM"})
    assert log.position("x/Dockerfile") == "x/Dockerfile"


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("write /var/lib/x: No space left on device", "free room"),
        ("Temporary failure resolving 'deb.example'", "name service"),
        ("E: Version '17.*' for 'postgresql-17' was not found", "versions.py"),
        ("E: Package 'postgresql-16' has no installation candidate", "versions.py"),
        ("E: Failed to fetch http://x/y.deb 404 Not Found\nE: Unable to fetch some archives", "REFRESHED"),
        ("sh: 1: aptget: not found", "correct that line"),
    ],
)
def test_advice_fits_what_was_said(said: str, advice: str) -> None:
    log = _log({"stream": "Step 3/4 : RUN x"}, {"stream": said + "\n"}, {"error": "returned a non-zero code: 100"})
    assert advice in log.advice()
