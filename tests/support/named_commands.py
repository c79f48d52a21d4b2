"""Commands, options and settings that a text names, and what of them there isn't. Knows code spans and blocks of Markdown, and messages."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from invoke.program import Program
from pydantic import BaseModel

import tasks
from infra.settings import Settings
from monitor.checks import every

ROOT = Path(__file__).parents[2]
_SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_BLOCK = re.compile(r"^ *```.*?\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"^    .*(?:\n    .*)*", re.MULTILINE)
_END = re.compile(r"\s(?:#|then|and|or|for|once|again|to|with|where|in|by|from|after|before|until)\b|[;|)(…,\n\"”]|&&|\.\s|: |$")
_NAMESPACES = frozenset(name.split(".")[0] for name in tasks.namespace.task_names if "." in name)


@functools.cache
def known_tasks() -> dict[str, frozenset[str]]:
    """The options of each task, by each of its names."""
    core = {flag for argument in Program().core_args() for flag in _flags(argument)}
    found = {}
    for name, aliases in tasks.namespace.task_names.items():
        own = {flag for argument in tasks.namespace[name].get_arguments() for flag in _flags(argument)}
        for each in (name, *aliases):
            found[each] = frozenset(own | core)
    return found


def _flags(argument: Any) -> Iterator[str]:
    for name in argument.names:
        yield f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"


@functools.cache
def make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@functools.cache
def pulumi_help(*verbs: str) -> str:
    """What the real CLI says of one of its commands; nothing of one that it doesn't have."""
    done = subprocess.run([str(Path(sys.executable).with_name("pulumi")), *verbs, "--help"], capture_output=True, text=True, check=False)
    return done.stdout


def setting_exists(path: str) -> bool:
    """Whether the settings know a path such as `backup.place.bucket`."""
    model: Any = Settings
    for part in path.split("."):
        model = _part(model, part)
        if model is None:
            return False
    return True


def _part(model: Any, name: str) -> Any:
    if isinstance(model, type) and issubclass(model, BaseModel):
        return next((field.annotation for key, field in model.model_fields.items() if name in {key, field.alias} - {None}), None)
    if typing.get_origin(model) is dict:
        return typing.get_args(model)[1]
    if isinstance(model, types.UnionType) or typing.get_origin(model) in {typing.Union, typing.Annotated}:
        return next((found for arg in typing.get_args(model) if (found := _part(arg, name)) is not None), None)
    return None


def code_of(markdown: str) -> Iterator[str]:
    """The code of a Markdown text: blocks line by line, then spans."""
    for block in _BLOCK.findall(markdown):
        yield from block.splitlines()
    rest = _BLOCK.sub("", markdown)
    for block in _INDENTED.findall(rest):
        yield from (line.strip() for line in block.splitlines())
    for _, span in _SPAN.findall(rest):
        yield " ".join(span.split())


def messages_of(source: str) -> Iterator[str]:
    """The texts of a Python file that somebody may be shown; expressions in them as `X`. Not its docstrings."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
    }
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | inside:
            yield node.value


def wrong_in(code: str, *, prose: bool = False) -> Iterator[str]:
    """What the code, or the message that has some in it, names of ours or of Pulumi's that isn't there."""
    yield from _wrong_tasks(code)
    # To make is an English word, too.
    for target in re.findall(r"(?:^|: |`)make ([a-z][a-z-]*)(?=`|$)" if prose else r"(?:^|[;&|] *|\$ )make ([a-z][a-z-]*)", code):
        if target not in make_targets():
            yield f"make {target}"
    yield from _wrong_pulumi(code)
    for path in re.findall(r"\bchristmas:([A-Za-z_][\w.]*)(?![\w.]*:)", code):
        if path != "index" and not setting_exists(path.rstrip(".")):
            yield f"christmas:{path}"
    match = re.fullmatch(r"([a-z]+)\.([a-z][a-z-]*)", code)
    if match and match[1] in _NAMESPACES and code not in known_tasks() and not _otherwise_known(code):
        yield code


def _otherwise_known(name: str) -> bool:
    """A check, a setting, or something in a module of that name."""
    room, _, rest = name.partition(".")
    module = ROOT / room / f"{rest}.py"
    return name in {each.name for each in every()} or setting_exists(name) or module.exists() or (ROOT / room / rest).is_dir()


def _wrong_tasks(code: str) -> Iterator[str]:
    for match in re.finditer(r"(?<![\w/.-])invoke +((?:--?[a-z-]+ +)*)([a-z][a-z-]*(?:\.[a-z][a-z-]*)?)", code):
        name, rest = match[2], code[match.end() :]
        if name not in known_tasks():
            yield f"invoke {name}"
            continue
        rest = rest[: end.start()] if (end := _END.search(rest)) else rest
        for option in re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", rest):
            if option.replace("--no-", "--") not in known_tasks()[name]:
                yield f"invoke {name} {option}"


def _wrong_pulumi(code: str) -> Iterator[str]:
    for match in re.finditer(r"(?:^|[;&|] *|\$ |: |then |run |\brun: )pulumi ((?:[a-z]+ )*[a-z]+)(?![\w-])([^;|&`]*)", code):
        verbs, rest = match[1].split(), match[2]
        known: list[str] = []
        for verb in verbs:
            listed = re.search(rf"^ +{verb} ", pulumi_help(*known), re.MULTILINE)
            if not listed and not re.search(rf"^Aliases:\n.*\b{verb}\b", pulumi_help(*known, verb), re.MULTILINE):
                break
            known.append(verb)
        if not known:
            yield f"pulumi {verbs[0]}"
            continue
        text = pulumi_help(*known)
        rest = rest[: end.start()] if (end := _END.search(rest)) else rest
        for option in re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", rest):
            if re.search(rf"{re.escape(option)}\b", text) is None:
                yield f"pulumi {' '.join(known)} {option}"
        if known in (["config", "set"], ["config", "rm"], ["config", "get"]) and (words := _words_of(match[0])):
            name = words[0].removeprefix("christmas:")
            if name != "X" and re.fullmatch(r"[A-Za-z_][\w.]*", name) and not setting_exists(name):
                yield f"setting {name}"


def _words_of(command: str) -> list[str]:
    """The words of `pulumi config set …` behind the verbs, without options."""
    words = command[command.index("pulumi") :].split()
    return [word.rstrip(",.") for word in words[3:] if not word.startswith("-")]
