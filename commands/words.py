"""Words after a task's name: optional ones, and any number of them. invoke itself knows only required words.

How many stand on the command line is counted before invoke reads it, and exactly that many are then asked for.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from invoke.exceptions import ParseError
from invoke.parser.argument import Argument
from invoke.program import Program
from invoke.tasks import Task

NOT_GIVEN = object()
"""Stands for a word that another turn of the task has, and this one hasn't."""


class WordsTask(Task):  # type: ignore[type-arg] # Task is generic only to type checkers
    """A task whose positional arguments may be left out; the one named `words` takes any number of them, as a list."""

    words = ""
    long = frozenset[str]()
    """Arguments without a one-letter flag: they are rarely given, and letters are scarce."""

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """The arguments for the command line that this process was started with."""
        helps = dict(self.help)
        arguments = super().get_arguments(ignore_unknown_help)
        self.help = helps  # invoke takes them out, so that a second reader would find none
        for argument in arguments:
            argument.names = argument.names[:1] if argument.name in self.long else argument.names
        name = self.body.__name__.replace("_", ".", 1).replace("_", "-")
        turns = words_of(name, arguments, sys.argv[1:], _task_names())
        return wanted(arguments, self.words, [len(words) for words in turns] or [0])


class Word(Argument):
    """An argument that is required in some of a task's calls, if the command line names the task more than once.

    invoke copies all arguments once for the line, and that copy once for each turn.
    """

    def __init__(self, argument: Argument, has_word: Sequence[bool]) -> None:
        """`has_word` says for each call whether it has a word; otherwise the default stays."""
        self.__dict__.update(argument.__dict__)
        self.has_word = has_word
        self.line: Word | None = None
        self.turns = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> Word:
        twin = memo[id(self)] = copy(self)
        if self.line is None:
            twin.line = twin
        else:
            if self.turns < len(self.has_word) and self.has_word[self.turns]:
                # Without a default it is asked for; with one it would never be given a word.
                twin.default = None
            self.turns += 1
        return twin

    def set_value(self, value: Any, cast: bool = True) -> None:
        """Take a word; ParseError for what is meant as a flag, and is none."""
        if isinstance(value, str) and re.match(r"-(-|[A-Za-z])", value) and not Path(value).exists():
            raise ParseError(f"No idea what {value!r} is here! Flags of `invoke` itself go before the task's name.")
        super().set_value(value, cast)


def words_of(name: str, arguments: Sequence[Argument], line: Sequence[str], tasks: Collection[str]) -> list[list[str]]:
    """The words of the command line `line` that belong to task `name`, for each time that it stands there. Pure.

    They go up to the line's end, or the next task's name. A word that names a task as well as a file is the file. Nothing after a flag
    that doesn't exist counts: then invoke names the flag, instead of the word after it.
    """
    every = [*arguments, *Program().core_args()]
    flags = {flag for argument in every for name in argument.names for flag in _flags(name)}
    with_value = {flag for argument in arguments if argument.takes_value for name in argument.names for flag in _flags(name)}
    turns: list[list[str]] = []
    place = 0
    while name in line[place:]:
        start = line.index(name, place) + 1
        words, place = _turn(line, start, flags, with_value, tasks)
        turns.append(words)
    return turns


def _turn(line: Sequence[str], start: int, flags: set[str], with_value: set[str], tasks: Collection[str]) -> tuple[list[str], int]:
    """The words from `start` on, and where they end."""
    values: list[str] = []
    is_value = False
    for place, word in enumerate(line[start:], start):
        if is_value:
            is_value = False
        elif word == "--" or (word in tasks and not Path(word).exists()):
            return values, place
        elif word.startswith("-") and len(word) > 1:
            if word.partition("=")[0] not in flags and not word.startswith("--no-"):
                return values, place
            is_value = word in with_value
        else:
            values.append(word)
    return values, len(line)


def wanted(arguments: list[Argument], many: str, counts: Sequence[int]) -> list[Argument]:
    """The arguments such that invoke asks in each turn for as many words as `counts` says; those beyond the last go to `many`. Pure."""
    arguments_of_turn = list(arguments)
    places = [place for place, argument in enumerate(arguments) if argument.positional and argument.name != many]
    for number, place in enumerate(places):
        arguments_of_turn[place] = Word(arguments[place], [number < count for count in counts])
    extra = []
    for number in range(1, max(counts) - len(places) + 1 if many else 0):
        name = f"{many}-{number}"
        argument = Argument(name=name, attr_name=f"{many}_{number}", positional=True, default=NOT_GIVEN)
        extra.append(Word(argument, [number + len(places) <= count for count in counts]))
    last = max((place for place, argument in enumerate(arguments) if argument.positional), default=-1)
    return [*arguments_of_turn[: last + 1], *extra, *arguments_of_turn[last + 1 :]]


def fold(many: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the task's body takes them: words collected under `many`."""
    if not many:
        return dict(arguments)
    places = [name for name in arguments if name.startswith(f"{many}_") and name.removeprefix(f"{many}_").isdigit()]
    rest = {name: value for name, value in arguments.items() if name not in places}
    return {**rest, many: [*rest.get(many, []), *(arguments[name] for name in places if arguments[name] is not NOT_GIVEN)]}


def _flags(name: str) -> tuple[str, str]:
    return (f"-{name}", f"--{name.replace('_', '-')}")


def _task_names() -> Collection[str]:
    tasks = sys.modules.get("tasks")
    names: dict[str, list[str]] = tasks.namespace.task_names if tasks is not None else {}
    return {*names, *(alias for aliases in names.values() for alias in aliases)}
