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
    told = set()
    for path, name, text in _texts(opened(marked)):
        if name and is_secret(name, text):
            told.add(f"{path}: {name} looks like a secret; deliver it as a file")
        told.update(f"{path} seems to contain a secret: {what}" for what in secrets_in(text))
    yield from sorted(told)


def _texts(properties: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each text with its path and the name beside it, if it has one."""
    for name, value in properties.items():
        if name in _IDS:
            continue
        if name in {"command", "entrypoints"} or (name == "healthcheck" and isinstance(value, Mapping)):
            words = value.get("tests") if isinstance(value, Mapping) else value
            yield name, "", " ".join(each if " " in each else shlex.quote(each) for each in words or [] if isinstance(each, str))
        elif name == "envs":
            for entry in (each for each in value or [] if isinstance(each, str)):
                key, _, text = entry.partition("=")
                yield f"envs {key}", key, text
        elif name == "labels":
            for each in (each for each in value or [] if isinstance(each, Mapping)):
                yield f"label {each.get('label')}", str(each.get("label")), _text(each.get("value"))
                yield f"label {each.get('label')}", "", _text(each.get("label"))
        elif name == "logOpts" and isinstance(value, Mapping):
            yield from ((f"logOpts {key}", key, _text(each)) for key, each in value.items())
        elif name == "uploads":
            yield from _uploads(value or [])
        else:
            yield from ((path, "", each) for path, each in leaves(value, name) if isinstance(each, str))


def _uploads(uploads: list[Any]) -> Iterator[tuple[str, str, str]]:
    for each in (each for each in uploads if isinstance(each, Mapping)):
        where = f"upload {each.get('file')}"
        yield where, "", _text(each.get("content"))
        try:
            yield where, "", base64.b64decode(_text(each.get("contentBase64")), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            yield where, "", _text(each.get("contentBase64"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
