"""Words after a task's name: optional ones, and any number of them. invoke itself knows only words that have to be there.

How many stand on the command line is counted before invoke reads it, and exactly that many are then asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from invoke.parser.argument import Argument
from invoke.program import Program
from invoke.tasks import Task


class WordsTask(Task):  # type: ignore[type-arg] # Task is generic only to type checkers
    """A task whose positional arguments may be left out; the one named `words` takes any number of them, as a list."""

    words = ""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The arguments for the command line that this process was started with."""
        arguments = super().get_arguments(ignore_unknown_help)
        name = self.body.__name__.replace("_", ".", 1).replace("_", "-")
        return wanted(arguments, self.words, len(words_of(name, arguments, sys.argv[1:], _task_names())))


def words_of(name: str, arguments: Sequence[Argument], line: Sequence[str], tasks: Collection[str]) -> list[str]:
    """The words of the command line `line` that belong to task `name`: up to its end, or the next task's name. Pure.

    A word that names a task as well as a file is the file. Nothing after a flag that doesn't exist counts: then invoke names the flag,
    instead of the word after it.
    """
    if name not in line:
        return []
    every = [*arguments, *Program().core_args()]
    flags = {flag for argument in every for each in argument.names for flag in _flags(each)}
    with_value = {flag for argument in arguments if argument.takes_value for each in argument.names for flag in _flags(each)}
    found: list[str] = []
    is_value = False
    for word in line[line.index(name) + 1 :]:
        if is_value:
            is_value = False
        elif word == "--" or (word in tasks and not Path(word).exists()):
            break
        elif word.startswith("-") and len(word) > 1:
            if word.partition("=")[0] not in flags and not word.startswith("--no-"):
                break
            is_value = word in with_value
        else:
            found.append(word)
    return found


def wanted(arguments: list[Argument], many: str, count: int) -> list[Argument]:
    """The arguments such that invoke asks for `count` words, in their order; those beyond the last go to the argument `many`. Pure."""
    for argument in arguments:
        if argument.positional and argument.name != many and argument.default is not None and count > 0:
            # Without a default it is asked for; with one it would never be given a word.
            argument.default = None
        if argument.positional and argument.name != many:
            count -= 1
    extra = (
        [Argument(name=f"{many}-{number}", attr_name=f"{many}_{number}", positional=True) for number in range(1, count + 1)] if many else []
    )
    last = max((place for place, argument in enumerate(arguments) if argument.positional), default=-1)
    return [*arguments[: last + 1], *extra, *arguments[last + 1 :]]


def fold(many: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the task's body takes them: words collected under `many`."""
    if not many:
        return dict(given)
    places = [name for name in given if name.startswith(f"{many}_") and name.removeprefix(f"{many}_").isdigit()]
    rest = {name: value for name, value in given.items() if name not in places}
    return {**rest, many: [*rest.get(many, []), *(given[name] for name in places)]}


def _flags(name: str) -> tuple[str, str]:
    return (f"-{name}", f"--{name.replace('_', '-')}")


def _task_names() -> Collection[str]:
    tasks = sys.modules.get("tasks")
    names: dict[str, list[str]] = tasks.namespace.task_names if tasks is not None else {}
    return {*names, *(alias for aliases in names.values() for alias in aliases)}
