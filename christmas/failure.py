"""The error of every room for failures that the user can do something about."""

from __future__ import annotations


class PlatformError(Exception):
    """A failure in three parts: what failed, where, and what to do next.

    `invoke` and `make up` print `str(error)` and exit with `exit_code`; a traceback is shown only with `--debug`.
    No part may contain a secret: all of it ends up in terminals and logs.
    """

    def __init__(self, what: str, *, where: str = "", next_step: str = "", exit_code: int = 1) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_step = next_step
        self.exit_code = exit_code

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.next_step:
            lines.append("  next:  " + self.next_step.replace("\n", "\n         "))
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Worker processes return their errors pickled; the default would lose the keyword arguments.
        return _rebuild, (type(self), self.what, self.where, self.next_step, self.exit_code)


def _rebuild(kind: type[PlatformError], what: str, where: str, next_step: str, exit_code: int) -> PlatformError:
    error = kind.__new__(kind)
    PlatformError.__init__(error, what, where=where, next_step=next_step, exit_code=exit_code)
    return error
