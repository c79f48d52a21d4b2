"""Weaviate's REST API for roles and users, over verified TLS.

See https://docs.weaviate.io/weaviate/configuration/rbac and the server's own OpenAPI description.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from core.errors import PlatformError
from core.patience import patience

_READY_WITHIN_SECONDS = 60
_TIMEOUT_SECONDS = 20
_EVERY = "*"
# The object of an action's last word, and the rest of the scope in the server's form.
_SCOPES: dict[str, dict[str, str]] = {
    "collections": {},
    "data": {"tenant": _EVERY, "object": _EVERY},
    "tenants": {"tenant": _EVERY},
    "backups": {},
    "aliases": {},
    "nodes": {"verbosity": "verbose"},
}
_UNSCOPED = ("read_cluster",)
# Not scoped by collections; always granted for all.
_WHOLE: dict[str, dict[str, dict[str, str]]] = {
    "read_roles": {"roles": {"role": _EVERY, "scope": "all"}},
    "read_users": {"users": {"users": _EVERY}},
}


class UnreachableError(PlatformError):
    """Nothing answers at the endpoint."""


def known_action(action: str) -> bool:
    """Whether this provider knows the scope of an action of Weaviate's RBAC."""
    verb, _, domain = action.partition("_")
    return action in _UNSCOPED or action in _WHOLE or (domain in _SCOPES and verb in ("create", "read", "update", "delete", "manage"))


def permissions(action: str, collection: str = _EVERY, alias: str | None = None) -> list[dict[str, Any]]:
    """The API's form of one permission of the blueprint; `alias` is the collection's name by default.

    Raises ValueError for an unknown action.
    """
    if not known_action(action):
        raise ValueError(f"unknown action {action!r}")
    if action in _UNSCOPED:
        return [{"action": action}]
    if action in _WHOLE:
        return [{"action": action, **_WHOLE[action]}]
    domain = action.partition("_")[2]
    scope = {"collection": collection, **_SCOPES[domain]} | ({"alias": alias or collection} if domain == "aliases" else {})
    scoped = [{"action": action, domain: scope}]
    # Access to nodes with their collections does not include access without.
    return [*scoped, {"action": action, domain: {"verbosity": "minimal"}}] if domain == "nodes" else scoped


def canonical(permissions: Iterable[Mapping[str, Any]] | None) -> set[str]:
    """Permissions as comparable texts, independent of the answer's order and defaults."""
    return {json.dumps(permission, sort_keys=True) for permission in permissions or ()}


@dataclass(frozen=True, slots=True)
class WeaviateApi:
    """One server, one key. `endpoint` is `https://HOST:PORT`."""

    endpoint: str
    ca_certificate_pem: str = field(repr=False)
    key: str = field(repr=False)

    def get(self, path: str) -> Any | None:
        """The answer to a GET below /v1; None for 404."""
        status, answer = self._request("GET", path)
        return None if status == 404 else self._wanted(status, answer, f"GET {path}")

    def post(self, path: str, body: Any = None) -> Any:
        """The answer to a POST, which must be safe to repeat: it is sent again if no answer comes."""
        status, answer = self._request("POST", path, {} if body is None else body)
        return self._wanted(status, answer, f"POST {path}")

    def create(self, path: str, body: Any = None) -> Any | None:
        """The answer to a POST that creates something; None if it exists already.

        This request itself may have created it: a slow server got it twice, and refused the second one.
        """
        status, answer = self._request("POST", path, {} if body is None else body)
        return None if status == 409 else self._wanted(status, answer, f"POST {path}")

    def delete(self, path: str) -> None:
        """Delete a path; ignores a missing one."""
        status, answer = self._request("DELETE", path)
        if status != 404:
            self._wanted(status, answer, f"DELETE {path}")

    def accepts_key(self, key: str) -> bool:
        """Whether the server accepts that key."""
        status, answer = WeaviateApi(self.endpoint, self.ca_certificate_pem, key)._request("GET", "users/own-info")
        if status in (401, 403):
            return False
        self._wanted(status, answer, "GET users/own-info")
        return True

    def _wanted(self, status: int, answer: Any, what: str) -> Any:
        if 200 <= status < 300:
            return answer
        if status == 401:
            raise PlatformError(
                what="Weaviate does not accept the administrator's key",
                where=self.endpoint,
                next_step="its container was started with another key: `pulumi up --refresh` restarts it with the recorded one",
            )
        raise PlatformError(
            what=f"Weaviate refused: {status} {_reason(answer)}",
            where=f"{what} at {self.endpoint}",
            next_step="fix the cause, then `pulumi up`",
        )

    def _request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        deadline = time.monotonic() + patience(_READY_WITHIN_SECONDS)
        while True:
            try:
                status, answer = self._once(method, path, body)
            except (ssl.SSLCertVerificationError, ssl.CertificateError) as error:
                raise PlatformError(
                    what=f"Weaviate's certificate is not trusted: {error.verify_message}",
                    where=self.endpoint,
                    next_step="its certificate is from another CA or lacks this address: restart its container, then `pulumi up`",
                ) from None
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() > deadline:
                    raise UnreachableError(
                        what=f"Weaviate does not answer: {type(error).__name__}",
                        where=self.endpoint,
                        next_step="see `docker ps` and its log",
                    ) from None
            else:
                # 5xx: it listens, but has no leader yet.
                if status < 500 or time.monotonic() > deadline:
                    return status, answer
            time.sleep(0.3)

    def _once(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        target = urlsplit(self.endpoint)
        context = ssl.create_default_context(cadata=self.ca_certificate_pem)
        connection = http.client.HTTPSConnection(target.hostname or "", target.port, timeout=patience(_TIMEOUT_SECONDS), context=context)
        try:
            headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            connection.request(method, f"/v1/{path}", None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        try:
            return response.status, json.loads(text) if text else None
        except ValueError:
            return response.status, None  # a proxy's page, or plain text


def _reason(answer: Any) -> str:
    if isinstance(answer, dict):
        if isinstance(answer.get("error"), list):
            return "; ".join(str(problem.get("message")) for problem in answer["error"])[:400]
        return str(answer.get("message", ""))[:400]
    return ""


def segment(name: str) -> str:
    """A name quoted as a path segment."""
    return quote(name, safe="")
