"""What Weaviate lets an account do, learned from the server: by requests that change nothing, sent as that very account."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from core.patience import patience
from infra.connections import Platform
from security.matrix.cell import Answer, Cell, How, Learned
from security.matrix.weaviate_requests import REQUESTS, THINGS, Request, Thing

_SECONDS = 20.0
_LET_THROUGH = ("invalid object", "non-existing index")
_BY_ACTION = {(request.kind, request.action): request for request in REQUESTS}
_BY_NAME = {(thing.kind, thing.name): thing for thing in THINGS}
KEEPER = "admin"
"""The account that lists what exists."""
_ASKED_BY_CLIENTS = "see the nodes"


class Caller:
    """REST as one account, over one verified connection at a time."""

    def __init__(self, platform: Platform, account: str) -> None:
        self._target = urlsplit(platform.weaviate_url())
        self._context = ssl.create_default_context(cafile=str(platform.ca_file))
        self._headers = {"Authorization": f"Bearer {platform.secret(account, 'weaviate')}", "Content-Type": "application/json"}
        self._connection: http.client.HTTPSConnection | None = None

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and text of an answer. Raises OSError or HTTPException where none comes, after a second try on a new connection."""
        text = None if body is None else json.dumps(body)
        if self._connection is not None:
            try:
                return self._once(self._connection, method, path, text)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()  # the server ends connections that it has kept for a while
        self._connection = http.client.HTTPSConnection(
            self._target.hostname or "", self._target.port, timeout=patience(_SECONDS), context=self._context
        )
        return self._once(self._connection, method, path, text)

    def _once(self, connection: http.client.HTTPSConnection, method: str, path: str, text: str | None) -> tuple[int, str]:
        connection.request(method, f"/v1/{path}", text, self._headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def caller(platform: Platform, account: str) -> Iterator[Caller]:
    """A caller that is closed at the end."""
    asker = Caller(platform, account)
    try:
        yield asker
    finally:
        asker.close()


@dataclass(frozen=True, slots=True)
class Names:
    """What exists, for requests that need it: a role that no account has, accounts, and names that are taken."""

    role: str = ""
    accounts: tuple[str, ...] = ()
    taken: frozenset[str] = frozenset()


def names(platform: Platform) -> Names:
    """Ask, as the keeper of accounts. Raises OSError, HTTPException or ValueError where that is not answered."""
    with caller(platform, KEEPER) as ask:
        roles = json.loads(ask("GET", "authz/roles")[1])
        users = json.loads(ask("GET", "users/db")[1])
        classes = json.loads(ask("GET", "schema")[1])
    own = [str(role["name"]) for role in roles if role["name"] not in ("root", "admin", "viewer", "read-only")]
    taken = frozenset(str(schema_class["class"]) for schema_class in classes.get("classes") or ())
    return Names(min(own, default=""), tuple(str(user["userId"]) for user in users), taken)


@dataclass(slots=True)
class Denials:
    """The permissions denied to an account, each with what must be in the log; `lines` are the log's lines about them."""

    expected: list[tuple[Cell, str]] = field(default_factory=list)
    lines: int = 0


def learn(platform: Platform, account: str, cells: Sequence[Cell], names_there: Names, denials: Denials) -> dict[Cell, Learned]:
    """Try every cell of an account; what was denied is added to `denials`."""
    learneds: dict[Cell, Learned] = {}
    with caller(platform, account) as ask:
        permissions = _own_permissions(ask)
        for cell in cells:
            thing, request = _BY_NAME[cell.kind, cell.name], _BY_ACTION[cell.kind, cell.action]
            learneds[cell] = _one(ask, account, thing, request, names_there, permissions)
            if learneds[cell].answer is Answer.DENIED and learneds[cell].how is How.TRIED:
                denials.expected.append((cell, request.logged_permission))
                # The check of refusals leaves that question out, as clients ask it by themselves.
                denials.lines += 0 if cell.action == _ASKED_BY_CLIENTS else request.lines
    return learneds


def _one(
    ask: Caller, account: str, thing: Thing, request: Request, names_there: Names, permissions: list[Mapping[str, Any]] | str
) -> Learned:
    if thing.example in names_there.taken:
        return Learned(Answer.UNKNOWN, said=f"a collection is called {thing.example}, which has to be nobody's")
    words = {"collection": thing.example, "alias": thing.alias, "role": names_there.role}
    words["account"] = next((name for name in names_there.accounts if name != account), "")
    if any(f"{{{name}}}" in json.dumps([request.path, request.body]) and not word for name, word in words.items()):
        return Learned(Answer.UNKNOWN, said="the server has no other role or account to try it on")
    if request.listed:
        listed = _listed(request, thing, permissions)
        if not request.path or listed.answer is Answer.UNKNOWN:
            return listed
    try:
        status, said = ask(request.method, _filled(request.path, words), _filled(request.body, words))
    except (OSError, http.client.HTTPException) as error:
        return Learned(Answer.UNKNOWN, said=f"{type(error).__name__}: {error}")
    answer = judge(status, said)
    return listed if request.listed and status == 404 else Learned(answer, said=f"{status} {said[:200]}".rstrip())


def judge(status: int, said: str) -> Answer:
    """What a status means: a denial, or that the request got past the question of rights. Pure."""
    if status == 403:
        return Answer.DENIED
    # An invalid object or a missing collection is answered with 500.
    if status in (401, 408, 429) or (status >= 500 and not any(sign in said for sign in _LET_THROUGH)):
        return Answer.UNKNOWN
    return Answer.ALLOWED


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace(f"{{{name}}}", word)
        return value
    if isinstance(value, dict):
        return {key: _filled(part, words) for key, part in value.items()}
    return [_filled(part, words) for part in value] if isinstance(value, list) else value


def _own_permissions(ask: Caller) -> list[Mapping[str, Any]] | str:
    """The server's list of an account's rights, as the account gets it; the reason if it can't be had."""
    try:
        status, said = ask("GET", "users/own-info")
        if status != 200:
            return f"{status} {said[:200]}"
        return [permission for role in json.loads(said).get("roles") or () for permission in role.get("permissions") or ()]
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def _listed(request: Request, thing: Thing, permissions: list[Mapping[str, Any]] | str) -> Learned:
    if isinstance(permissions, str):
        return Learned(Answer.UNKNOWN, How.LISTED, permissions)
    collection = "*" if request.on_all else thing.example
    has = all(any(_covers(permission, needed, collection, thing.alias) for permission in permissions) for needed in request.needs)
    return Learned(Answer.ALLOWED if has else Answer.DENIED, How.LISTED)


def _covers(permission: Mapping[str, Any], action: str, collection: str, alias: str) -> bool:
    if permission.get("action") != action:
        return False
    scope: Mapping[str, Any] = next((value for value in permission.values() if isinstance(value, Mapping)), {})
    return _matches(str(scope.get("collection", "*")), collection) and _matches(str(scope.get("alias", "*")), alias)


def _matches(pattern: str, name: str) -> bool:
    return pattern == "*" or (name != "*" and re.fullmatch(pattern, name) is not None)
