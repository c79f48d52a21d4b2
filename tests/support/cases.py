"""Which of many cases run before a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def in_make_test(cases: Iterable[Any], *kept: int) -> list[Any]:
    """Return the cases as parameters: those at the indices `kept` run in `make test`, the others in `make test-all` alone."""
    return [
        case if index in kept else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.exhaustive)
        for index, case in enumerate(cases)
    ]


def drawn(few: int, many: int) -> pytest.MarkDecorator:
    """Give a test how many examples to draw as its argument `examples`: few in `make test`, many in `make test-all`."""
    return pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.exhaustive)])


def holds_for(few: int, many: int, *strategies: Any) -> Callable[[Callable[..., bool | None]], Callable[[int], None]]:
    """Try a property on few examples in `make test`, on many in `make test-all`. Its arguments come from the strategies.

    A check that finds nothing to check in an example returns False; where that is so of all of them, the property has not been tried.
    """

    def decorate(check: Callable[..., bool | None]) -> Callable[[int], None]:
        def test(examples: int) -> None:
            checked: list[bool] = []

            @settings(max_examples=examples)
            @given(st.tuples(*strategies))
            def each(drawn: tuple[Any, ...]) -> None:
                checked.append(check(*drawn) is not False)

            each()
            assert any(checked), "no example had anything to check"

        test.__name__, test.__doc__, test.__module__ = check.__name__, check.__doc__, check.__module__
        return drawn(few, many)(test)

    return decorate
