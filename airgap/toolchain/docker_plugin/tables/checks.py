"""Checks of values, with messages that say what to change."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from airgap.toolchain.docker_plugin.codecs import nanoseconds

Check = Callable[[Any], str | None]


def one_of(*choices: str) -> Check:
    """Accept only these texts."""
    listed = ", ".join(f"`{choice}`" for choice in choices)
    return lambda value: None if value in choices else f"is {value!r}, but must be one of {listed}"


def matching(pattern: str, meaning: str) -> Check:
    """Accept texts that match the whole pattern; `meaning` describes such a text."""
    return lambda value: None if re.fullmatch(pattern, value) else f"is {value!r}, but must be {meaning}"


def at_least(lowest: int, unit: str = "") -> Check:
    """Accept numbers from `lowest` on."""
    return lambda value: None if value >= lowest else f"is {value}, but must be at least {lowest}{unit and ' ' + unit}"


def a_port(value: Any) -> str | None:
    """Accept the number of a port; 0 lets Docker choose one."""
    return None if 0 <= value <= 65535 else f"is {value}, but a port is a number from 0 to 65535"


def a_duration(value: Any) -> str | None:
    """Accept durations as Go writes them."""
    try:
        nanoseconds(value)
    except ValueError:
        return f"is {value!r}, but a duration is written like `500ms`, `2s` or `1m30s`"
    return None


def an_absolute_path(value: Any) -> str | None:
    """Accept paths from the root on."""
    return None if value.startswith("/") else f"is {value!r}, but must be an absolute path"


def some_cpus(value: Any) -> str | None:
    """Accept a positive number of CPUs, written as text."""
    try:
        return None if float(value) > 0 else f"is {value!r}, but must be more than 0"
    except ValueError:
        return f"is {value!r}, but must be a number of CPUs such as `1.5`"


def an_assignment(value: Any) -> str | None:
    """Accept NAME=VALUE; the value isn't repeated in the message, as it may be a secret."""
    for item in value:
        name, equals, _ = item.partition("=")
        if not name or not equals:
            return "has an entry that is not written as NAME=VALUE" + (f": {name!r}" if name and not equals else "")
    return None


def no_empty_word(value: Any) -> str | None:
    """Accept lists without empty texts."""
    return "has an empty word in it" if any(item == "" for item in value) else None


def base64_text(value: Any) -> str | None:
    """Accept text in base64; the text isn't repeated in the message."""
    import base64
    import binascii

    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return "is not valid base64"
    return None
