from __future__ import annotations

import pickle

from core.errors import PlatformError


def test_all_three_parts_are_told() -> None:
    error = PlatformError("No room", where="/data", next_step="free some")
    assert str(error) == "No room\n  where: /data\n  next:  free some"


def test_missing_parts_leave_no_empty_lines() -> None:
    assert str(PlatformError("No room")) == "No room"


def test_a_next_step_of_several_lines_stays_aligned() -> None:
    assert str(PlatformError("X", next_step="first\nsecond")).splitlines()[1:] == ["  next:  first", "         second"]


def test_it_survives_the_way_from_a_worker_process() -> None:
    class_and_fields = pickle.loads(pickle.dumps(PlatformError("X", where="Y", next_step="Z", exit_code=3)))  # noqa: S301
    assert (str(class_and_fields), class_and_fields.exit_code) == ("X\n  where: Y\n  next:  Z", 3)
