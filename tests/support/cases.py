"""Which of many cases run before a commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def in_make_test(cases: Sequence[Any], *kept: int) -> list[Any]:
    """Return the cases as parameters: those at the indices `kept` run in `make test`, the others in `make test-all` alone."""
    return [
        case if index in kept else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.exhaustive)
        for index, case in enumerate(cases)
    ]
