"""Short commands inside containers, one after another in a shell that stays: a start through the engine costs a tenth of a core's second.

The shell is tethered as other commands are (container_commands.py): it and its command end with this process.
"""

from __future__ import annotations

import atexit
import shlex
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.command_output import STDERR, STDOUT, CutOffError, SilentError
from core.container_commands import GUARDED, Finished, Tethered, failed, look, new_mark, start
from core.docker_retries import with_retries
from core.errors import PlatformError
from core.patience import patience

if TYPE_CHECKING:
    from docker.models.containers import Container

_SILENT_SECONDS = 120
# What lies between may forget a connection that is idle for longer.
_KEPT_SECONDS = 60
_KEPT = 8

# A request is its length in bytes, a line's end, and one call of `run`. Only a request that came whole is carried out. The mark ends both
# streams, since the engine carries them on their own. The guard has to be gone before the mark is there: it would take the next request.
_SHELL = f"""
run() {{
    mark=$1
    input=$2
    shift 2
    {GUARDED}
    printf '%s' "$mark" >&2
    printf '%s%03d' "$mark" "$code"
}}
exec 3<&0
while IFS= read -r length; do
    request=$(dd bs="$length" count=1 iflag=fullblock 2>/dev/null; echo .)
    case $request in *"#whole.") eval "$request" ;; *) exit 1 ;; esac
done
"""

_Key = tuple[str, str]
_shells: dict[_Key, list[tuple[float, Tethered]]] = {}
_lock = threading.Lock()


def execute_short(container: Container, command: Sequence[str], *, text: str = "", user: str = "", check: bool = False) -> Finished:
    """The outcome of a short command that may run twice, with `text` as its standard input. If the outcome is lost, it runs again.

    Raises PlatformError if it can't be started, if it prints nothing for two minutes (more on a busy machine), or if its
    outcome never arrives; a code other than 0 is an error with `check` alone.
    """
    limit, where = patience(_SILENT_SECONDS), f"container {container.name}"
    key = (str(container.id), user)

    def run() -> Finished:
        waiting = _waiting_shell(key)
        shell = waiting or start(str(container.id), ["sh", "-c", _SHELL], user, "")
        reusable = False
        try:
            finished, reusable = _outcome(shell, command, text, limit, new=waiting is None)
        finally:
            if not (reusable and _put_back(key, shell)):
                shell.close()
        return finished

    try:
        finished = with_retries(f"running {command[0]}", where, run)
    except SilentError:
        raise PlatformError(what=f"{command[0]} said nothing for {limit:.0f} s", where=where, next_step=look(str(container.name))) from None
    if check and finished.code != 0:
        raise failed(str(container.name), command, finished)
    return finished


def _outcome(shell: Tethered, command: Sequence[str], text: str, silence: float, *, new: bool) -> tuple[Finished, bool]:
    """The command's outcome, and whether the shell takes another one.

    Raises CutOffError if the output ends before. A new shell's end may say that none can be started.
    """
    mark = new_mark()
    request = f"run {shlex.join([mark, text, *command])} #whole".encode()
    shell.output.send(b"%d\n%b" % (len(request), request), silence)
    end, said = mark.encode(), {STDOUT: bytearray(), STDERR: bytearray()}
    for stream, piece in shell.output.frames():
        said[stream] += piece
        out, err = said.values()
        if err.endswith(end) and out[-3 - len(end) : -3] == end:
            stderr = err[: -len(end)].decode(errors="replace").strip()
            return Finished(int(out[-3:]), bytes(out[: -3 - len(end)]), stderr), True
    if not new:
        raise CutOffError("the shell ended before the command's outcome")
    return shell.finished(bytes(said[STDOUT]), bytes(said[STDERR])), False


def _waiting_shell(key: _Key) -> Tethered | None:
    """A shell that waits for a request. Those that are gone, or have waited long, are closed."""
    now, usable, unusable = time.monotonic(), None, []
    with _lock:
        for shells in _shells.values():
            unusable += [shell for since, shell in shells if now - since > _KEPT_SECONDS or not shell.output.is_quiet()]
            shells[:] = [(since, shell) for since, shell in shells if shell not in unusable]
        if waiting := _shells.get(key):
            usable = waiting.pop()[1]
    for shell in unusable:
        shell.close()
    return usable


def _put_back(key: _Key, shell: Tethered) -> bool:
    """Keep the shell for the next request; False where enough of them wait."""
    with _lock:
        waiting = _shells.setdefault(key, [])
        if len(waiting) < _KEPT:
            waiting.append((time.monotonic(), shell))
            return True
    return False


def close_all() -> None:
    """Close the shells that wait for a request."""
    with _lock:
        waiting = [shell for shells in _shells.values() for _, shell in shells]
        _shells.clear()
    for shell in waiting:
        shell.close()


atexit.register(close_all)
