"""Redis' ACL users in the running server, kept equal to the ACL file."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airgap.toolchain.plugin.wire import UNKNOWN
from core.container_commands import running
from core.container_sessions import execute_short
from core.errors import PlatformError
from core.patience import patience
from infra.provider.declaration import Input, InServer, Output, gives, takes
from infra.provider.kind import AssertedKind, Call, Values
from infra.provider.redis_acl import REPLAY, acl_line, password_sha256

if TYPE_CHECKING:
    from docker.models.containers import Container

ADMIN = "admin"
ADMIN_PASSWORD_FILE = "/run/christmas/admin.password"  # noqa: S105 - a path
CA_FILE = "/run/christmas/ca.crt"
# Connects from inside the server's own container; commands come on stdin, the password from a file.
CONNECT = f"--tls --cacert {CA_FILE} -h localhost --no-auth-warning"
_READY_WITHIN_SECONDS = 60
_CHANGED_WITHIN_SECONDS = 20
_NOT_READY = ("Connection refused", "LOADING", "BUSY")


def cli_command(password_file: str = ADMIN_PASSWORD_FILE, user: str = ADMIN, options: str = "") -> tuple[str, ...]:
    """The argv of a redis-cli inside the container, logged in as `user`; the password is read there, from a file."""
    script = f'REDISCLI_AUTH="$(cat "$1")" exec redis-cli {CONNECT} --user "$2" {options}'
    return ("sh", "-c", script.rstrip(), "redis-cli", password_file, user)


def reload_command(certificate: str = "/run/christmas/tls.crt", key: str = "/run/christmas/tls.key") -> tuple[str, ...]:
    """The argv that makes a running Redis load renewed certificates and its ACL file, without a restart; for Reload's `exec`."""
    script = (
        f'export REDISCLI_AUTH="$(cat {ADMIN_PASSWORD_FILE})"; cli="redis-cli -e {CONNECT} --user {ADMIN}"; '
        f"$cli config set tls-cert-file {certificate} tls-key-file {key} tls-ca-cert-file {CA_FILE} && $cli acl load"
    )
    return ("sh", "-c", script)


def _rules(rules: list[str]) -> str | None:
    if tuple(rules) == REPLAY:
        return None
    words = [word.strip("()") for rule in rules for word in rule.split()]
    for rule in words:
        if rule.lower() in ("nopass", "allcommands", "allkeys", "allchannels", "+@all", "reset") or rule[:1] in ("#", ">", "<", "!"):
            return f"has {rule[:1] + '…' if rule[:1] in '#><!' else rule!r}, which no account may have (passwords are a separate input)"
    return None


class RedisUser(InServer):
    """An ACL user of the running server; `rules` without on/off and password (`redis_acl.redis_rules`). Without a password it is off.

    `former_password`, unless it is empty, is taken too, until a rotation's overlap is over.

    The others depend on `admin`'s: that account sets them, and its own password may be the changed one.
    """

    name: Input[str] = takes(replaces=True)
    rules: Input[Sequence[Input[str]]] = takes(rule=_rules)
    password: Input[str] | None = takes(default=None, secret=True)
    former_password: Input[str | None] | None = takes(default=None, secret=True)
    admin_password_file: Input[str] = ADMIN_PASSWORD_FILE
    effective: Output[str] = gives()
    drift: Output[list[str]] = gives()


class RedisUserKind(AssertedKind):
    """Sets it as `admin`, without a restart."""

    declared = RedisUser

    def check(self, inputs: Values) -> tuple[Values, list[str]]:  # noqa: D102
        checked, problems = super().check(inputs)
        everything = checked.get("rules") is not UNKNOWN and tuple(checked.get("rules") or ()) == REPLAY
        if everything and (checked.get("name") != "default" or checked.get("password") is not None):
            problems.append("input 'rules' gives all rights, which only `default` may have, without a password and switched off")
        return checked, problems

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        container = call.if_running(inputs["container"], f"Redis user {inputs['name']} was not compared")
        if container is None:
            return state
        real = _get_user(container, inputs)
        return None if real is None else state | {"drift": user_findings(real, state.get("effective"), inputs)}

    def delete(self, call: Call, state: Values, inputs: Values) -> None:  # noqa: D102
        del state
        if inputs["name"] in ("default", ADMIN):
            return  # if `default` weren't off, anybody could get in; without admin, nobody could take over again
        if container := call.if_running(inputs["container"], f"Redis user {inputs['name']} disappears with its ACL file"):
            ask_as_admin(container, inputs, [f"ACL DELUSER {inputs['name']}"])

    def bring(self, call: Call, inputs: Values, state: Values, old: Values) -> Values:  # noqa: D102
        del call, state
        container = running(inputs["container"])
        try:
            line = acl_line(inputs["name"], inputs["rules"], *_hashes(inputs))
        except ValueError as error:
            raise PlatformError(what=str(error), where=f"Redis user {inputs['name']}", next_step="fix the rule in the program") from None
        # `reset` comes first: one command replaces the whole user atomically, and its clients stay connected.
        _, name, *rules = line.split()
        # While admin's own password changes, the file already has the new one and the server still the old.
        before = old.get("password") if inputs["name"] == ADMIN else None
        ask_as_admin(container, inputs, [" ".join(("ACL SETUSER", name, "reset", *rules))], before, patient=True)
        real = _get_user(container, inputs)
        if real is None:
            raise PlatformError(what=f"Redis user {name} disappeared right after it was set", where=f"container {container.name}")
        return {"effective": _effective(real), "drift": []}


def user_findings(real: dict[str, Any], effective: str | None, inputs: Values) -> list[str]:
    """Differences between ACL GETUSER's answer and the declared user, without secrets."""
    findings = []
    flags = set(real["flags"])
    password = inputs.get("password")
    if ("on" in flags) != (password is not None):
        findings.append("is on" if "on" in flags else "is off")
    if "nopass" in flags:
        findings.append("needs no password")
    if set(real["passwords"]) != set(_hashes(inputs)) - {None}:
        findings.append("has other passwords")
    if effective is not None and (now := _effective(real)) != effective:
        before, after = json.loads(effective), json.loads(now)
        findings += [f"{part} are {after[part]!r}, not {before[part]!r}" for part in before if before[part] != after[part]]
    return findings


def _hashes(inputs: Values) -> list[str | None]:
    """Of the password, then of the former one."""
    return [password_sha256(inputs[name]) if inputs.get(name) else None for name in ("password", "former_password")]


def _effective(user: dict[str, Any]) -> str:
    """The user's rights in Redis' own normal form."""
    return json.dumps({part: user[part] for part in ("commands", "keys", "channels", "selectors")}, sort_keys=True)


def _get_user(container: Container, inputs: Values) -> dict[str, Any] | None:
    answer: dict[str, Any] | None = ask_as_admin(container, inputs, [f"ACL GETUSER {inputs['name']}"])[0]
    return answer


def ask_as_admin(
    container: Container, inputs: Values, commands: Sequence[str], former_password: str | None = None, *, patient: bool = False
) -> list[Any]:
    """Each command's answer. Tries `former_password` if the server doesn't accept the file's yet; with `patient` waits for that.

    Raises PlatformError if a command is refused.
    """
    deadline = time.monotonic() + patience(_READY_WITHIN_SECONDS)
    changing_until = time.monotonic() + (patience(_CHANGED_WITHIN_SECONDS) if patient else 0)
    login: tuple[str, ...] = ()
    while True:
        script = "\n".join((*login, *commands)) + "\n"
        ended = execute_short(container, cli_command(inputs["admin_password_file"], options="--json -3"), text=script)
        said = f"{ended.text()}\n{ended.stderr}".strip()
        answers = [json.loads(line) for line in ended.text().splitlines() if line.strip() and _is_json(line)]
        if ended.code == 0 and len(answers) == len(commands) + len(login) and not any(_is_error(answer) for answer in answers):
            return answers[len(login) :]
        refused = "WRONGPASS" in said or "NOAUTH" in said
        if refused and former_password and not login:
            login = (f"AUTH {ADMIN} {former_password}",)
            continue
        # Another resource may be setting admin's new password right now.
        until = changing_until if refused else deadline if any(sign in said for sign in _NOT_READY) else 0
        if time.monotonic() > until:
            raise _refused(container, inputs, said)
        time.sleep(0.5)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _is_error(answer: Any) -> bool:
    return isinstance(answer, str) and answer.startswith(("ERR ", "NOPERM", "WRONGPASS", "NOAUTH", "error"))


def _refused(container: Container, inputs: Values, said: str) -> PlatformError:
    where = f"container {container.name}, user {inputs.get('name', ADMIN)}"
    if "WRONGPASS" in said or "NOAUTH" in said:
        return PlatformError(
            what="Redis does not accept the admin password in its files",
            where=where,
            next_step=f"restart it, so that it reads its ACL file: `docker restart {container.name}`, then `pulumi up`",
        )
    return PlatformError(what=f"Redis refused: {said[-400:]}", where=where, next_step="fix the cause, then run `pulumi up` again")
