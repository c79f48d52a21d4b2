"""pgBackRest's stanza: this database cluster's part of the backup repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airgap.toolchain.plugin.messages import Severity
from core.container_commands import Finished, running
from core.container_sessions import execute_short
from core.errors import PlatformError
from infra.provider.declaration import Input, InServer, Output, gives, takes
from infra.provider.kind import AssertedKind, Call, Values
from infra.provider.psql import name_rule

if TYPE_CHECKING:
    from docker.models.containers import Container

# pgBackRest's exit codes, src/build/error/error.yaml.
_OTHER_CLUSTER = (28, 51)  # backup info and database, archive info and database
_WAITING = (
    "the repository has the backups of another cluster, and nothing is archived until that one is restored here: "
    "invoke backup.restore --live; to keep this cluster instead, move the repository's volume or bucket away, then run `pulumi up`"
)
# A wrong key gives a decryption error or, if the padding happens to be valid, an unreadable file.
_UNREADABLE = (26, 29, 95)  # checksum, format, crypto
_STATUS_MISSING = (1, 3)  # of a stanza in `info`: no path, no data


class BackupStanza(InServer):
    """pgBackRest's stanza in the repository of `config_path` (inside the container). Removing the resource keeps every backup.

    `repository` is that place in words: a changed one gets its own stanza. With `recovering`, another cluster's backups
    in it are no failure: they are about to be restored.
    """

    stanza: Input[str] = takes(replaces=True, rule=name_rule)
    config_path: Input[str]
    repository: Input[str] | None = None
    recovering: Input[bool] = False
    drift: Output[list[str]] = gives()


class BackupStanzaKind(AssertedKind):
    """Makes a missing one."""

    declared = BackupStanza
    named_by = ("stanza",)

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        container = call.if_running(inputs["container"], f"stanza {inputs['stanza']} was not checked")
        if container is None:
            return state
        ended = _pgbackrest(container, inputs, "info", "--output=json")
        if ended.code != 0:
            call.log(Severity.WARNING, f"stanza {inputs['stanza']} can't be read: {_first_words(ended)}")
            return {"drift": [f"pgbackrest info ends with {ended.code}"]}
        # Not strict: pgBackRest leaves line breaks inside its messages.
        stanzas = json.loads(ended.text() or "[]", strict=False)
        stanza_info = next((stanza for stanza in stanzas if stanza["name"] == inputs["stanza"]), None)
        if stanza_info is None or stanza_info["status"]["code"] in _STATUS_MISSING:
            return None
        # 2 is a stanza without a backup; anything above is a broken repository.
        trouble = [
            repository["status"]["message"].splitlines()[0]
            for repository in stanza_info["repo"]
            if repository["status"]["code"] > max(_STATUS_MISSING)
        ]
        return {"drift": trouble}

    def bring(self, call: Call, inputs: Values, state: Values, old: Values) -> Values:  # noqa: D102
        del state, old
        container = running(inputs["container"])
        ended = _pgbackrest(container, inputs, "stanza-create")
        if inputs["recovering"] and _of_another_cluster(ended):
            call.log(Severity.WARNING, _WAITING)
            return {"drift": [_WAITING]}
        if ended.code != 0:
            raise PlatformError(
                what=f"the backup stanza could not be made: {_first_words(ended)}",
                where=f"container {container.name}, stanza {inputs['stanza']}",
                next_step=_advice(ended, inputs["stanza"]),
            )
        return {"drift": []}


def _pgbackrest(container: Container, inputs: Values, command: str, *options: str) -> Finished:
    argv = ["pgbackrest", f"--config={inputs['config_path']}", f"--stanza={inputs['stanza']}", "--log-level-console=off", *options, command]
    # Errors belong on stderr at their own level, whatever the file says.
    return execute_short(container, [*argv[:-1], "--log-level-stderr=error", "--no-log-timestamp", command], user="postgres")


def _first_words(ended: Finished) -> str:
    # The first line names the error; later lines may quote the file's bytes.
    lines = (ended.stderr or ended.text()).splitlines()
    return lines[0][:400].removesuffix(":") if lines else f"pgbackrest ended with {ended.code}"


def _of_another_cluster(ended: Finished) -> bool:
    return ended.code in _OTHER_CLUSTER or (ended.code != 0 and "do not match" in ended.stderr)


def _advice(ended: Finished, stanza: str) -> str:
    if ended.code in _UNREADABLE or "CryptoError" in ended.stderr or "FormatError" in ended.stderr:
        return (
            "the repository's volume is encrypted with another key (or damaged): it belongs to another stack, or to a lost state:\n"
            "restore that stack's state, or move the volume away and run `pulumi up` again to make a new one"
        )
    if _of_another_cluster(ended):
        return (
            "the repository holds the backups of another database cluster. If this one was upgraded or restored, run\n"
            f"`pgbackrest --stanza={stanza} stanza-upgrade` in the container;\n"
            "otherwise move the repository's volume away and run `pulumi up` again"
        )
    return "fix the cause, then run `pulumi up` again"
