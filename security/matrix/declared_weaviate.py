"""What the blueprint lets a Weaviate account do. Which permission an action asks for is Weaviate's own: `weaviate_requests`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from christmas.blueprint.model import WeaviateUser
from security.matrix.weaviate_requests import REQUESTS, THINGS, Request

Right = tuple[str, str, str, bool]


def rights(user: WeaviateUser) -> Iterator[Right]:
    """Kind, name and action of everything that can be allowed, and whether it is."""
    for thing in THINGS:
        for request in REQUESTS:
            if request.kind == thing.kind:
                yield thing.kind, thing.name, request.action, _may(user, request, thing.example, thing.alias)


def _may(user: WeaviateUser, request: Request, collection: str, alias: str) -> bool:
    if user.built_in_role:
        # The one built-in role that an account has, `admin`, may everything.
        return user.built_in_role == "admin"
    return all(_permits(user, needed, "*" if request.on_all else collection, alias) for needed in request.needs)


def _permits(user: WeaviateUser, action: str, collection: str, alias: str) -> bool:
    for permission in user.permissions:
        if permission.action != action:
            continue
        if permission.collection != "*" and (collection == "*" or not re.fullmatch(permission.collection, collection)):
            continue
        if permission.alias is None or permission.alias == "*" or re.fullmatch(permission.alias, alias):
            return True
    return False
