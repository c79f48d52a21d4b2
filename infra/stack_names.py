"""Valid names of stacks. Pulumi accepts more than the names of containers, certificates and hosts made from them."""

from __future__ import annotations

import re

from core.errors import PlatformError

LONGEST = 40
"""Letters: `christmas-STACK-timescaledb` is a host name in a certificate, and each part of a host name has at most 63."""

RULE = f"1 to {LONGEST} lower-case letters a to z, digits and hyphens, with a letter or digit at both ends"

_NAME = re.compile(rf"[a-z0-9](?:[a-z0-9-]{{0,{LONGEST - 2}}}[a-z0-9])?")


def check_name(name: str) -> str:
    """Return a valid stack name unchanged. Raises PlatformError with the rule and a valid proposal."""
    if _NAME.fullmatch(name):
        return name
    near = proposed(name) or "NAME"
    raise PlatformError(
        what=f"a stack can't be called {_shown(name)}",
        where=f"its name must be {RULE}",
        next_step=f"take another name: CHRISTMAS_STACK={near} make up",
    )


def proposed(name: str) -> str:
    """Return the nearest valid name, or an empty string if too little of the name is left."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST].strip("-")


def _shown(name: str) -> str:
    return f"{name[:50]}… ({len(name)} characters)" if len(name) > 60 else repr(name)
