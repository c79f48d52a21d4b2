"""Starts containers, waits for their health, and explains failures."""

from __future__ import annotations

import time
from typing import Any

from airgap.toolchain.docker_plugin.context import Call
from airgap.toolchain.docker_plugin.engine import explanation, failing_as
from airgap.toolchain.docker_plugin.errors import DockerPluginError
from core import health
from core.patience import patience

_LOG_LINES = 20
_POLL = 0.2
_FIRST_PAUSE, _LONGEST_PAUSE = 0.3, 3.0
"""Seconds between two health checks of ours: each takes the processor from a server that starts."""
_STATUS = 10
"""Seconds between two messages about a wait: in a pipe, each one is a line."""
_STEADY = 0.4
"""Seconds after which a running container counts as stable; most failures come at once."""
_PORT_TAKEN = ("port is already allocated", "address already in use", "ports are not available")


def inspect(call: Call, container: str) -> dict[str, Any] | None:
    """Return Docker's information about a container, by id or name."""
    from docker.errors import NotFound

    with failing_as(f"container `{container}` could not be looked up"):
        try:
            return dict(call.engine.client.inspect_container(container))
        except NotFound:
            return None


def start(call: Call, container: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Start a container.

    Raises DockerPluginError; for an occupied port it names the holder if possible.
    """
    from docker.errors import APIError

    name = inputs["name"]
    with failing_as(f"container `{name}` could not be started"):
        try:
            call.engine.client.start(container["Id"])
        except APIError as error:
            text = explanation(error)
            if not any(sign in text for sign in _PORT_TAKEN):
                raise
            raise port_taken(call, name, inputs.get("ports") or [], text) from None


def port_taken(call: Call, name: str, ports: list[dict[str, Any]], text: str) -> DockerPluginError:
    """Return the error for a published port that something else holds."""
    for port in ports:
        address, number = port.get("ip") or "0.0.0.0", port.get("external")  # noqa: S104 - Docker's own default
        if not number or (f":{number} " not in f"{text} " and f":{number}:" not in text):
            continue
        holder = _holder(call, address, int(number), name)
        who = f"container `{holder}` has it" if holder else "a process on this machine has it"
        how = f"stop it (docker stop {holder})" if holder else f"find it (ss -ltnp 'sport = :{number}') and stop it"
        return DockerPluginError(
            f"container `{name}` cannot publish {address}:{number}: the port is taken, {who}",
            next_step=f"{how}, or publish another port; then run this again",
        )
    return DockerPluginError(f"container `{name}` cannot publish its ports: {text}", next_step="free the port, or publish another one")


def _holder(call: Call, address: str, number: int, name: str) -> str | None:
    anywhere = ("0.0.0.0", "::", "")  # noqa: S104
    for other in call.engine.client.containers():
        for port in other.get("Ports") or []:
            same_address = port.get("IP") == address or port.get("IP", "") in anywhere or address in anywhere
            label = str((other.get("Names") or [other["Id"][:12]])[0]).lstrip("/")
            if port.get("PublicPort") == number and same_address and label != name:
                return label
    return None


def wait_healthy(call: Call, container_id: str, name: str, seconds: float) -> str | None:
    """Wait until the container is healthy; return None, or the reason why it isn't.

    This also runs the container's health check itself: Docker's own interval may be half a minute.
    """
    began = time.monotonic()
    ask_at, pause = began, _FIRST_PAUSE
    while True:
        late = time.monotonic() > began + patience(seconds)
        container = inspect(call, container_id)
        if container is None:
            return f"container `{name}` was removed during the wait"
        state = container["State"]
        status = (state.get("Health") or {}).get("Status", "")
        if state["Status"] == "running" and status == "healthy":
            return None
        check = health.check_of(container)
        if not check:
            return f"container `{name}` is to be waited for, but neither it nor its image has a health check"
        if state["Status"] == "running" and time.monotonic() >= ask_at:
            if health.passes(call.engine.client, container_id, check, health.seconds_of(container)):
                return None
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            ask_at = time.monotonic() + pause
        if state["Status"] in ("exited", "dead"):
            return f"container `{name}` stopped with exit code {state['ExitCode']} before it was healthy" + _why(call, container)
        # On a busy machine a health check may time out although nothing is wrong: then wait for the whole time limit.
        if status == "unhealthy" and (late or patience(1) == 1):
            return f"container `{name}` is unhealthy" + _why(call, container)
        if late:
            return f"container `{name}` was not healthy within {time.monotonic() - began:.0f} s" + _why(call, container)
        waited = int(time.monotonic() - began) // _STATUS * _STATUS
        call.status("waiting until it is healthy" + (f" ({waited} s)" if waited else ""))
        call.sleep(_POLL)


def wait_running(call: Call, container_id: str, name: str, seconds: float) -> str | None:
    """Check that the container keeps running after its start; return None, or the reason why it doesn't."""
    began = time.monotonic()
    while True:
        container = inspect(call, container_id)
        if container is None:
            return f"container `{name}` was removed right after its start"
        state = container["State"]
        lasted = time.monotonic() - began
        if state["Status"] in ("exited", "dead"):
            return f"container `{name}` stopped right after its start, with exit code {state['ExitCode']}" + _why(call, container)
        if state["Status"] == "running" and lasted > _STEADY:
            return None
        if lasted > max(seconds, _STEADY):
            return f"container `{name}` does not keep running: it is {state['Status']}" + _why(call, container)
        call.sleep(_POLL)


def _why(call: Call, container: dict[str, Any]) -> str:
    """Return the health check's last output and the log's last lines, for the end of a message."""
    parts = []
    state = container["State"]
    if container.get("RestartCount"):
        parts.append(f"it was restarted {container['RestartCount']} times, last after exit code {state['ExitCode']}")
    if state.get("OOMKilled"):
        parts.append("it ran out of memory (limit " + _size(container["HostConfig"].get("Memory") or 0) + ")")
    if state.get("Error"):
        parts.append(f"Docker says: {state['Error']}")
    checks = (state.get("Health") or {}).get("Log") or []
    if checks:
        last = checks[-1]
        output = str(last.get("Output") or "").strip() or "(it printed nothing)"
        parts.append(f"its health check last ended with {last.get('ExitCode')}: {output}")
    lines = last_lines(call, container["Id"])
    parts.append("its last log lines:\n    " + "\n    ".join(lines) if lines else "it logged nothing")
    return "".join(f"\n  {part}" for part in parts)


def last_lines(call: Call, container_id: str) -> list[str]:
    """Return the last lines of the container's log; none if its log driver keeps none."""
    from docker.errors import DockerException

    try:
        text = call.engine.client.logs(container_id, tail=_LOG_LINES, stdout=True, stderr=True)
    except DockerException:
        return []
    return bytes(text).decode(errors="replace").splitlines()[-_LOG_LINES:]


def _size(size: int) -> str:
    return f"{size // 1024 // 1024} MiB"


def stop(call: Call, container_id: str, name: str, grace: int) -> None:
    """Stop the container; it is killed after `grace` seconds."""
    from docker.errors import NotFound

    with failing_as(f"container `{name}` could not be stopped"):
        try:
            call.engine.client.stop(container_id, timeout=grace)
        except NotFound:
            return
