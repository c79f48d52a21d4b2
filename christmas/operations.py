"""Operations that are written once and run by both kinds of client.

An operation is a generator: it yields a Batch of commands, receives their answers, and returns its result. All commands of a
batch are sent in one round trip; those of a transaction are executed together or not at all.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import redis
    import redis.asyncio

Result = TypeVar("Result")
Command = tuple[str | int | bytes, ...]
Operation = Generator["Batch", list[Any], Result]


@dataclass(frozen=True, slots=True)
class Batch:
    """Commands for one round trip."""

    commands: Sequence[Command]
    transaction: bool = False


def run(client: redis.Redis, operation: Operation[Result]) -> Result:
    """Run an operation. Raises the client's errors."""
    answers: list[Any] | None = None
    while True:
        try:
            batch = next(operation) if answers is None else operation.send(answers)
        except StopIteration as done:
            result: Result = done.value
            return result
        if len(batch.commands) == 1:
            answers = [client.execute_command(*batch.commands[0])]  # type: ignore[no-untyped-call]
            continue
        with client.pipeline(transaction=batch.transaction) as pipeline:
            for command in batch.commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            answers = pipeline.execute()


async def run_async(client: redis.asyncio.Redis, operation: Operation[Result]) -> Result:
    """Run an operation with asyncio. Raises the client's errors."""
    answers: list[Any] | None = None
    while True:
        try:
            batch = next(operation) if answers is None else operation.send(answers)
        except StopIteration as done:
            result: Result = done.value
            return result
        if len(batch.commands) == 1:
            answers = [await client.execute_command(*batch.commands[0])]  # type: ignore[no-untyped-call]
            continue
        async with client.pipeline(transaction=batch.transaction) as pipeline:
            for command in batch.commands:
                pipeline.execute_command(*command)
            answers = await pipeline.execute()
