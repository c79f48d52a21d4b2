"""Makes a running service load changed files."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airgap.toolchain.plugin.messages import Severity
from core import health
from core.container_commands import find_running
from core.container_sessions import execute_short
from core.docker_retries import with_retries
from core.errors import PlatformError
from core.patience import patience
from core.waiting import looks
from infra.provider.declaration import Input, InServer, Output, gives, takes
from infra.provider.kind import Call, ResourceKind, Values

if TYPE_CHECKING:
    from docker.models.containers import Container

_HEALTHY_WITHIN_SECONDS = 180
_LOADED_WITHIN_SECONDS = 30


def _action(action: dict[str, Any]) -> str | None:
    verbs = [verb for verb in ("signal", "exec", "restart") if verb in action]
    if len(verbs) != 1 or action.keys() - {*verbs, "user", "said", "refused"}:
        return 'must be one of {"signal": NAME, "said": TEXT, "refused": TEXT}, {"exec": [ARGUMENTS], "user": NAME} and {"restart": true}'
    return None


def command_of(action: Mapping[str, Any]) -> list[str]:
    """What an action runs in the container: a signal is sent from inside.

    Docker (20.10) takes a container that it sent any signal for one that somebody stopped, and doesn't start it again when it dies.
    """
    return ["sh", "-c", f"kill -s {action['signal'].removeprefix('SIG')} 1"] if "signal" in action else list(action["exec"])


class Reload(InServer):
    """Makes a running service load files written at `written_at` (an output of ConfigFiles), unless it was started since.

    `action` is `{"signal": "SIGHUP"}`, `{"exec": [argv], "user": …}` or `{"restart": True}`. With `said` beside a signal, the service has
    loaded the files when its log says that, and hasn't when it says what is `refused`. Declare it after the container (through `server`),
    so that a container replaced in the same run is left alone; a failed action is repeated by the next `up`.
    """

    written_at: Input[str]
    action: Input[Mapping[str, Any]] = takes(rule=_action)
    taken_up: Output[str] = gives()


class ReloadKind(ResourceKind):
    """Until the action succeeds, the change stays recorded as not loaded."""

    declared = Reload

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        del state, changed
        return {"taken_up": inputs["written_at"]}

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        return call.name, self._act(call, inputs)

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:  # noqa: D102
        del old
        if state.get("taken_up") == inputs["written_at"]:
            return state
        return self._act(call, inputs)

    def _act(self, call: Call, inputs: Values) -> Values:
        done = {"taken_up": inputs["written_at"]}
        container = find_running(inputs["container"])
        if container is None:
            call.log(Severity.INFO, f"{inputs['container']} does not run: it will read its files at its start")
            return done
        if _moment(container.attrs["State"]["StartedAt"]) > _moment(inputs["written_at"]):
            return done
        action, where = inputs["action"], f"container {container.name}"
        if "restart" not in action:
            since = time.time()
            ended = execute_short(container, command_of(action), user=action.get("user", ""))
            if ended.code != 0:
                why = (ended.stderr or ended.text())[-500:]
                raise PlatformError(
                    what=f"the service did not load its changed files: exit code {ended.code}: {why}",
                    where=where,
                    next_step=f"see `docker logs {container.name}`, then run `pulumi up` again",
                )
            if "said" in action:
                self._await(container, since, action["said"], action["refused"])
        else:
            grace = int(container.attrs["Config"].get("StopTimeout") or 30)
            with_retries("restarting", where, lambda: container.restart(timeout=grace))
            limit = patience(_HEALTHY_WITHIN_SECONDS)
            if not health.becomes_well(container, limit, pause=0.5):
                raise PlatformError(
                    what=f"the service was not healthy {limit:.0f} s after its restart",
                    where=where,
                    next_step=f"see `docker logs {container.name}`, then run `pulumi up` again",
                )
        return done

    @staticmethod
    def _await(container: Container, since: float, said: str, refused: str) -> None:
        """Wait until the log says it. Raises PlatformError with the log's last lines if it doesn't, or says the other."""
        for in_time in looks(patience(_LOADED_WITHIN_SECONDS), pause=0.1):
            log = with_retries("reading its log", f"container {container.name}", lambda: container.logs(since=since))
            if said.encode() in log:
                return
            if not in_time or refused.encode() in log:
                break
        raise PlatformError(
            what=f"the service did not load its changed files: its log says {log.decode(errors='replace')[-500:] or 'nothing'}",
            where=f"container {container.name}",
            next_step=f"see `docker logs {container.name}`, then run `pulumi up` again",
        )


def _moment(text: str) -> datetime:
    """Docker's times have nanoseconds, which Python's parser truncates since 3.11."""
    return datetime.fromisoformat(text)
