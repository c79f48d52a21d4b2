"""No secret in data that Docker stores and shows: environment, command, health check, labels, log options, uploaded files.

Found in three ways: by Pulumi's secret marks, by the name beside a value, and by the form of a value.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra.policy.inputs import Marked, Properties, leaves, opened
from infra.policy.secret_words import is_secret, secrets_in

_IDS = ("image",)  # digests look like keys


def nothing_secret(marked: Properties) -> Iterable[str]:
    """Report where a secret is, never its value. Takes the inputs with marks."""
    for path, value in leaves(marked):
        if isinstance(value, Marked):
            yield f"{path} is secret, and Docker shows it to anybody: deliver it as a file"
    problems = set()
    for path, name, text in _texts(opened(marked)):
        if name and is_secret(name, text):
            problems.add(f"{path}: {name} looks like a secret; deliver it as a file")
        problems.update(f"{path} seems to contain a secret: {what}" for what in secrets_in(text))
    yield from sorted(problems)


def _texts(properties: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each text with its path and the name beside it, if it has one."""
    for name, value in properties.items():
        if name in _IDS:
            continue
        if name in {"command", "entrypoints"} or (name == "healthcheck" and isinstance(value, Mapping)):
            words = value.get("tests") if isinstance(value, Mapping) else value
            yield name, "", " ".join(word if " " in word else shlex.quote(word) for word in words or [] if isinstance(word, str))
        elif name == "envs":
            for entry in (entry for entry in value or [] if isinstance(entry, str)):
                key, _, text = entry.partition("=")
                yield f"envs {key}", key, text
        elif name == "labels":
            for mapping in (entry for entry in value or [] if isinstance(entry, Mapping)):
                yield f"label {mapping.get('label')}", str(mapping.get("label")), _text(mapping.get("value"))
                yield f"label {mapping.get('label')}", "", _text(mapping.get("label"))
        elif name == "logOpts" and isinstance(value, Mapping):
            yield from ((f"logOpts {key}", key, _text(item)) for key, item in value.items())
        elif name == "uploads":
            yield from _uploads(value or [])
        else:
            yield from ((path, "", leaf) for path, leaf in leaves(value, name) if isinstance(leaf, str))


def _uploads(uploads: list[Any]) -> Iterator[tuple[str, str, str]]:
    for upload in (entry for entry in uploads if isinstance(entry, Mapping)):
        where = f"upload {upload.get('file')}"
        yield where, "", _text(upload.get("content"))
        try:
            yield where, "", base64.b64decode(_text(upload.get("contentBase64")), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            yield where, "", _text(upload.get("contentBase64"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
