"""Python for the language host: a program's interpreter, its start, and its dependencies."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SHOWN_TO_USER = 32
"""The exit code of `pulumi-language-python-exec` after it has reported the error to the user itself."""

_TYPE_CHECKERS = ("mypy", "pyright")
_TOOLCHAINS = ("", "pip", "uv")  # toolchains with their interpreter in a virtual environment


class OptionError(Exception):
    """An invalid `runtime.options` entry of Pulumi.yaml; the text says which one and what to do."""


@dataclass(frozen=True)
class PythonRuntime:
    """A program's interpreter, and the environment to start it in."""

    python: Path
    virtualenv: Path | None = None
    type_checker: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_options(cls, root: Path, options: Mapping[str, object], environment: Mapping[str, str]) -> PythonRuntime:
        """Read a project's `runtime.options`. `virtualenv` is relative to `root`, the folder of Pulumi.yaml (or PulumiPolicy.yaml).

        Without it, the interpreter is PULUMI_PYTHON_CMD, else this one: the project's own environment.
        Raises OptionError.
        """
        toolchain = str(options.get("toolchain", ""))
        if toolchain not in _TOOLCHAINS:
            raise OptionError(
                f"The 'toolchain' option is {toolchain!r}, which this language host does not know: "
                "name the environment with the 'virtualenv' option, or install the official Pulumi CLI."
            )
        checker = str(options.get("typechecker", ""))
        if checker and checker not in _TYPE_CHECKERS:
            raise OptionError(f"The 'typechecker' option is {checker!r}; it can be {' or '.join(_TYPE_CHECKERS)}.")
        named = str(options.get("virtualenv", ""))
        if named:
            virtualenv = root / named
            return cls(virtualenv / "bin" / "python", virtualenv, checker, activated(environment, virtualenv))
        command = environment.get("PULUMI_PYTHON_CMD", "")
        if not command:
            own = Path(sys.prefix) if sys.prefix != sys.base_prefix else None
            return cls(Path(sys.executable), None, checker, activated(environment, own) if own else dict(environment))
        program = shutil.which(command, path=environment.get("PATH"))
        if program is None:
            raise OptionError(f"PULUMI_PYTHON_CMD is {command!r}, which is not on PATH.")
        return cls(Path(program), None, checker, dict(environment))

    def require(self) -> None:
        """Raise OptionError unless the interpreter exists."""
        if not self.python.is_file():
            raise OptionError(
                f"The 'virtualenv' option names {self.virtualenv}, which "
                f"{'is not a virtual environment' if self.virtualenv and self.virtualenv.exists() else 'does not exist'}: "
                "run `pulumi install` (in the christmas project: `make up`), which makes it."
            )

    def site_packages(self) -> list[Path]:
        """Return the folders of this interpreter's packages."""
        if self.virtualenv is None and self.python == Path(sys.executable):
            return [Path(folder) for folder in sys.path if folder.endswith("-packages")]
        base = self.virtualenv or self.python.parent.parent
        return sorted(base.glob("lib/python3*/site-packages"))


def activated(environment: Mapping[str, str], virtualenv: Path) -> dict[str, str]:
    """Return the environment as `source VIRTUALENV/bin/activate` would leave it."""
    result = {name: value for name, value in environment.items() if name not in {"PYTHONHOME", "VIRTUAL_ENV"}}
    folder = str(virtualenv / "bin")
    result["PATH"] = f"{folder}{os.pathsep}{result['PATH']}" if result.get("PATH") else folder
    result["VIRTUAL_ENV"] = str(virtualenv)
    return result


@dataclass(frozen=True)
class Program:
    """One run of a user's program, as the engine requests it."""

    entry_point: Path
    arguments: Sequence[str]
    settings: Mapping[str, str]
    """`--name value` for the executor; empty values are left out."""
    config: Mapping[str, str] = field(repr=False)
    secret_keys: Sequence[str]

    def command(self, python: Path, executor: Path) -> tuple[str, ...]:
        """Return the command line; without configuration, because that may be secret."""
        settings = [part for name, value in self.settings.items() if value for part in (f"--{name}", value)]
        return (str(python), "-u", str(executor), *settings, str(self.entry_point), *self.arguments)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the environment, which contains the configuration."""
        return {
            **base,
            "PULUMI_CONFIG": json.dumps(dict(self.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(self.secret_keys)),
        }


def plugin_command(kind: str, python: Path, folder: Path, arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the command line of a plugin written in Python: policy packs go through the SDK's own starter."""
    if kind == "analyzer":
        return (str(python), "-u", "-m", "pulumi.policy", *arguments, str(folder))
    return (str(python), "-u", str(folder), *arguments)


@dataclass(frozen=True)
class RequiredPlugin:
    """A resource plugin that an installed Python package requires."""

    name: str
    version: str
    server: str


def required_plugins(site_packages: Sequence[Path]) -> Iterator[RequiredPlugin]:
    """Yield the requirements in the installed packages' `pulumi-plugin.json`, in the order of their names."""
    for folder in site_packages:
        for description in sorted(folder.glob("*/pulumi-plugin.json")):
            try:
                description_json = json.loads(description.read_text())
            except (OSError, ValueError):
                continue
            if isinstance(description_json, dict) and description_json.get("resource") and description_json.get("name"):
                version = str(description_json.get("version", "")) or _distribution_version(description.parent)
                yield RequiredPlugin(
                    str(description_json["name"]),
                    f"v{version.removeprefix('v')}" if version else "",
                    str(description_json.get("server", "")),
                )


def _distribution_version(package: Path) -> str:
    for metadata in package.parent.glob(f"{package.name}-*.dist-info"):
        return metadata.name.removeprefix(f"{package.name}-").removesuffix(".dist-info")
    return ""
