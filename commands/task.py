"""The decorator that all tasks share."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from commands.closed_pipes import flush
from commands.words import WordsTask, fold

if TYPE_CHECKING:
    from infra.connections import Platform

_STACK = "Stack to work on; else CHRISTMAS_STACK, else dev."
_JSON = "Print JSON instead of a table."


def task(*arguments: Any, words: str = "", long: Collection[str] = (), **options: Any) -> Callable[[Callable[..., int | None]], Task[Any]]:
    """An invoke task whose failures are shown in one message, with an exit code; `--debug` adds the traceback.

    `words` names the argument, a list, that takes all words after the task's name; those in `long` get no flag of one letter.
    """

    def decorate(body: Callable[..., int | None]) -> Task[Any]:
        @functools.wraps(body)
        def run(*args: Any, **kwargs: Any) -> None:
            try:
                code = body(*args, **fold(words, kwargs))
                flush()
            except (Exception, KeyboardInterrupt) as error:
                from core.runner import INTERRUPTED, report_failure

                if isinstance(error, KeyboardInterrupt):
                    print("interrupted; run it again, it goes on from what is finished", file=sys.stderr)
                    sys.exit(INTERRUPTED)
                sys.exit(report_failure(error, doing=f"invoke {body.__name__.replace('_', '.', 1)}", debug="--debug" in sys.argv))
            if code:
                sys.exit(code)

        help_texts = {"stack": _STACK, "json": _JSON, **options.pop("help", {})}
        names = body.__code__.co_varnames[: body.__code__.co_argcount + body.__code__.co_kwonlyargcount]
        options["help"] = {name: text for name, text in help_texts.items() if name.replace("-", "_") in names}
        if words:
            options["iterable"] = [*options.get("iterable", []), words]
            options["positional"] = [*options.get("positional", []), words]
        new_task: WordsTask = invoke_task(*arguments, klass=WordsTask, **options)(run)
        new_task.words, new_task.long = words, frozenset(long)
        return new_task

    return decorate


def platform_of(stack: str) -> Platform:
    """The stack as tasks reach it, from its outputs. Imported late: `invoke --list` must not wait for it."""
    from infra.connections import load

    return load(stack)
