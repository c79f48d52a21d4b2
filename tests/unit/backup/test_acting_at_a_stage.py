"""The tests that kill at a stage: they fail where the stage never came, and never hit what comes after it."""

import contextlib

import pytest

from tests.support.backup_faults import AtStage

HOURS = 36_000


def acting(stage: str, delay: float, *lines: str) -> list[str]:
    """The lines of a work, with what was done between them."""
    done: list[str] = []
    with AtStage(stage, lambda: done.append("killed"), delay) as at:
        for line in lines:
            at.status(line)
            done.append(line)
    return done


def test_without_a_delay_it_acts_before_the_work_goes_on() -> None:
    assert acting("redis: loading", 0, "redis: restoring", "redis: loading", "redis: loading") == [
        "redis: restoring",
        "killed",
        "redis: loading",
        "redis: loading",
    ]


@pytest.mark.parametrize("following", ["redis: checking", "writing the manifest", "postgres: hashing · redis: checking"])
def test_with_a_delay_it_acts_at_the_latest_before_the_next_stage(following: str) -> None:
    with_others = "postgres: hashing · redis: loading"
    assert acting("redis: loading", HOURS, "redis: loading", with_others, following) == ["redis: loading", with_others, "killed", following]


def test_a_stage_that_never_came_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="the work was over before anything was done at 'redis: loading'"):
        acting("redis: loading", 0, "redis: restoring")


def test_work_that_was_over_before_the_delay_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="the work was over"):
        acting("redis: loading", HOURS, "redis: restoring", "redis: loading")


def test_an_act_that_failed_was_none() -> None:
    """What the work makes of the failure is the work's own matter: it may take it for the fault that it was to meet."""
    with (
        pytest.raises(AssertionError, match="the work was over"),
        AtStage("redis", lambda: 1 / 0) as at,
        contextlib.suppress(ZeroDivisionError),
    ):
        at.status("redis: loading")
