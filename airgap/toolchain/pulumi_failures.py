"""Known failures of the Pulumi CLI, each with its next step."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import datetime

from airgap.toolchain.locks import Holder, is_gone
from core.errors import PlatformError

_STYLING = re.compile(r"\x1b\[[0-9;]*m")
_LOCK = re.compile(
    r"stack is currently locked by .*?/(?P<stack>[^/\s]+)/[0-9a-f-]+\.json\S*: "
    r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<time>\S+)",
    re.DOTALL,
)

# A state in a folder has its attributes in a file beside it, which Pulumi's storage library empties before it writes it anew. Whoever
# looks in that moment finds nothing.
HALF_WRITTEN = re.compile(r"failed to load checkpoint: (unexpected )?(EOF|end of JSON input)")


def diagnose(output: str) -> PlatformError | None:
    """Return the error for the output of a `pulumi` command, or None if nothing is recognised.

    Pass both standard error and standard output: the engine reports errors during its work on the latter.
    """
    text = _STYLING.sub("", output)
    for pattern, tell in _KNOWN:
        match = pattern.search(text)
        if match:
            return tell(match)
    return None


def _locked(match: re.Match[str]) -> PlatformError:
    stack, host, pid = match["stack"], match["host"], int(match["pid"])
    holder = f"process {pid} of {match['user']} on {host} since {match['time']}"
    # Locks of runs that are certainly dead were removed before Pulumi started, except those of other users or remote states.
    if is_gone(Holder(match["user"], host, pid, datetime.fromisoformat(match["time"]))):
        return PlatformError(
            f"The stack {stack} is still locked by a run that was killed.",
            where=f"{holder}; that process is gone",
            next_step=f"run `pulumi cancel --yes --stack {stack}`, then the command again: it continues the interrupted work",
        )
    return PlatformError(
        f"The stack {stack} is locked by another run.",
        where=holder,
        next_step=f"wait until it has ended; if it no longer runs there, `pulumi cancel --yes --stack {stack}` clears its lock",
    )


def _wrong_passphrase(_: re.Match[str]) -> PlatformError:
    source = _passphrase_source()
    return PlatformError(
        "The passphrase is not the one that this stack's secrets were encrypted with.",
        where=source,
        next_step="give the right one. If `encryptionsalt` in Pulumi.STACK.yaml came from somebody else's clone, remove that line:\n"
        "it belongs to their passphrase. Without the right passphrase a stack's secrets can't be read; nothing was changed.",
    )


def _missing_passphrase(match: re.Match[str]) -> PlatformError:
    return PlatformError(
        "There is no passphrase to decrypt this stack's secrets with.",
        where=match.group(0).strip(),
        next_step="set PULUMI_CONFIG_PASSPHRASE_FILE to the file that holds it, or unset it and use the project's own `pulumi`\n"
        "(source .venv/bin/activate), which takes .christmas/passphrase",
    )


def _missing_plugin(match: re.Match[str]) -> PlatformError:
    name, version = match["name"] or match["other"], match["version"] or match["exact"] or ""
    return PlatformError(
        f"Pulumi finds no plugin `{name}`{f' {version}' if version else ''}.",
        where=f"PULUMI_HOME={os.environ.get('PULUMI_HOME', '(not set)')}",
        next_step="run the project's own `pulumi` (source .venv/bin/activate), which offers this project's plugins; for another plugin\n"
        "install it into PULUMI_HOME or put `pulumi-resource-NAME` on PATH: nothing is downloaded by itself here",
    )


def _old_cli(match: re.Match[str]) -> PlatformError:
    return PlatformError(
        f"The Pulumi CLI is {match['has']}, and this project wants {match['wants']}.",
        where="`requiredPulumiVersion` in Pulumi.yaml",
        next_step="update the official CLI, or take it off PATH and run `make up`, which builds one that fits",
    )


def _half_written(_: re.Match[str]) -> PlatformError:
    return PlatformError(
        "The state of the stack can't be read: it is being written, or the run that wrote it was killed.",
        next_step="run this again; if it stays so, `invoke up` puts it right",
    )


def _no_stack(_: re.Match[str]) -> PlatformError:
    return PlatformError(
        "No stack is selected.", next_step="run `pulumi stack select dev`; where there is none yet: `make up`, or `pulumi stack init dev`"
    )


def _unknown_stack(match: re.Match[str]) -> PlatformError:
    return PlatformError(
        f"There is no stack {match['stack']}.",
        where=f"backend {os.environ.get('PULUMI_BACKEND_URL', '.christmas/state')}",
        next_step=f"run `pulumi stack ls` to see which there are, or `pulumi stack init {match['stack']}` to make it",
    )


def _passphrase_source() -> str:
    if "PULUMI_CONFIG_PASSPHRASE" in os.environ:
        return "the environment variable PULUMI_CONFIG_PASSPHRASE"
    return os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE", ".christmas/passphrase")


_KNOWN: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], PlatformError]], ...] = (
    (_LOCK, _locked),
    (re.compile(r"incorrect passphrase"), _wrong_passphrase),
    (HALF_WRITTEN, _half_written),
    (
        re.compile(r"unable to read PULUMI_CONFIG_PASSPHRASE_FILE.*|passphrase must be set with.*"),
        _missing_passphrase,
    ),
    (
        re.compile(
            r"no (?:resource|language|analyzer) plugin '(?:pulumi-(?:resource|language|analyzer)-)?(?P<name>[\w-]+)' found"
            r"(?:[^\n]*?at version (?P<version>v[\w.+-]+))?|plugin (?P<other>[\w-]+) (?P<exact>v?\d[\w.+-]*) not installed"
        ),
        _missing_plugin,
    ),
    (re.compile(r"Pulumi CLI version (?P<has>\S+) does not satisfy the version range \"(?P<wants>[^\"]+)\""), _old_cli),
    (re.compile(r"no stack selected; please use"), _no_stack),
    (re.compile(r"no stack named '(?P<stack>[^']+)' found"), _unknown_stack),
)
