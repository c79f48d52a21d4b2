"""What a kind of resource takes and gives: declared once, for the program that asks for it and for the plugin that makes it.

A kind's class has its name, its inputs and its outputs, with their types:

    class Password(Resource):
        length: Input[int] = takes(default=32, rule=length_rule)
        keepers: Input[Mapping[str, Input[str]]] | None = None
        result: Output[str] = gives(secret=True)

In a program the class is called like any other resource of Pulumi, with `opts` beside its inputs, and mypy checks the arguments.
The plugin reads the same declaration (`Resource.inputs`, `Resource.outputs`) without Pulumi's SDK, whose import is two thirds of a
plugin's start-up time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin

from airgap.toolchain.plugin.wire import UNKNOWN

if TYPE_CHECKING:
    from pulumi import CustomResource, Input, Output, ResourceOptions
else:
    T = TypeVar("T")
    CustomResource = object

    class Input(Generic[T]):
        """Stands for `pulumi.Input` in a declaration."""

    class Output(Generic[T]):
        """Stands for `pulumi.Output` in a declaration."""


__all__ = ["DeclaredInput", "InServer", "InVolume", "Input", "Output", "Resource", "Shape", "gives", "takes"]

_REQUIRED = object()


class Shape(StrEnum):
    """The shapes of an input."""

    TEXT = "a string"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    TEXTS = "a list of strings"
    TEXT_MAP = "a map of strings"
    INTEGER_MAP = "a map of whole numbers"
    RECORD = "an object"
    RECORDS = "a list of objects"

    def fits(self, value: Any) -> bool:
        """Whether the value has this shape; unknown parts always fit."""
        if value is UNKNOWN:
            return True
        match self:
            case Shape.TEXT:
                return isinstance(value, str)
            case Shape.INTEGER:
                return isinstance(value, int) and not isinstance(value, bool)
            case Shape.NUMBER:
                return isinstance(value, int | float) and not isinstance(value, bool)
            case Shape.BOOLEAN:
                return isinstance(value, bool)
            case Shape.TEXTS:
                return isinstance(value, list) and all(Shape.TEXT.fits(item) for item in value)
            case Shape.TEXT_MAP:
                return isinstance(value, dict) and all(Shape.TEXT.fits(item) for item in value.values())
            case Shape.INTEGER_MAP:
                return isinstance(value, dict) and all(Shape.INTEGER.fits(item) for item in value.values())
            case Shape.RECORD:
                return isinstance(value, dict)
            case Shape.RECORDS:
                return isinstance(value, list) and all(item is UNKNOWN or isinstance(item, dict) for item in value)


# By what `Input` holds.
_SHAPES: dict[Any, Shape] = {
    str: Shape.TEXT,
    int: Shape.INTEGER,
    float: Shape.NUMBER,
    bool: Shape.BOOLEAN,
    Sequence[Input[str]]: Shape.TEXTS,
    Mapping[str, Input[str]]: Shape.TEXT_MAP,
    Mapping[str, Input[int]]: Shape.INTEGER_MAP,
    Mapping[str, Any]: Shape.RECORD,
    Sequence[Input[Mapping[str, Any]]]: Shape.RECORDS,
}


@dataclass(frozen=True, slots=True)
class DeclaredInput:
    """One input. `default` fills it in if `required` is false; `rule` returns the problem of a value, or None."""

    shape: Shape
    required: bool
    default: Any
    secret: bool
    replaces: bool
    rule: Callable[[Any], str | None] | None


@dataclass(frozen=True, slots=True)
class _Input:
    default: Any
    secret: bool
    replaces: bool
    rule: Callable[[Any], str | None] | None


@dataclass(frozen=True, slots=True)
class _Output:
    secret: bool


def takes(
    *,
    default: Any = _REQUIRED,
    secret: bool = False,
    replaces: bool = False,
    rule: Callable[[Any], str | None] | None = None,
    kw_only: bool = True,
) -> Any:
    """An input that the provider fills in with `default`, keeps as a secret, can't change in place, or judges by `rule`.

    The rule returns the problem of a value, or None.
    """
    del kw_only  # for mypy
    return _Input(default, secret, replaces, rule)


def gives(*, secret: bool = False, init: Literal[False] = False) -> Any:
    """An output."""
    del init  # for mypy: no argument of the call
    return _Output(secret)


def _input(hint: Any, assigned: Any) -> DeclaredInput:
    options = assigned if isinstance(assigned, _Input) else _Input(assigned, secret=False, replaces=False, rule=None)
    required = options.default is _REQUIRED
    shape = _SHAPES[_present(get_args(_present(hint))[0])]
    return DeclaredInput(shape, required, None if required else options.default, options.secret, options.replaces, options.rule)


def _present(hint: Any) -> Any:
    """The type without `| None`, which says what a default says too."""
    return next(part for part in get_args(hint) if part is not NoneType) if get_origin(hint) in (Union, UnionType) else hint


@dataclass_transform(kw_only_default=True, field_specifiers=(takes, gives))
class _Declared(CustomResource):
    """From here on mypy takes the annotations of a class for the arguments of its call."""


class Resource(_Declared):
    """A resource of this provider: `christmas:index:NAME`. The names of its properties are those of the wire."""

    inputs: ClassVar[Mapping[str, DeclaredInput]] = {}
    outputs: ClassVar[Mapping[str, Any]] = {}
    """Their types, by name."""
    secret_outputs: ClassVar[frozenset[str]] = frozenset()

    if TYPE_CHECKING:
        resource_name: str = takes(kw_only=False)
        opts: ResourceOptions | None = None
    else:

        def __new__(cls, resource_name, *, opts=None, **arguments):
            """Declare it in the running program: Pulumi's own resource, with these properties."""
            return _declare(cls, resource_name, arguments, opts)

        def __init_subclass__(cls):
            """Read the class's annotations, and what is assigned to them."""
            for name, hint in inspect.get_annotations(cls, eval_str=True).items():
                assigned = cls.__dict__.get(name, _REQUIRED)
                if get_origin(hint) is Output:
                    cls.outputs = {**cls.outputs, name: get_args(hint)[0]}
                    cls.secret_outputs |= {name} if assigned.secret else set()
                else:
                    cls.inputs = {**cls.inputs, name: _input(hint, assigned)}


class InServer(Resource):
    """A resource inside a server: `server` is its container's id, `container` its name.

    If the container was replaced, `server` differs, and `up` sets the resource again.
    """

    container: Input[str]
    server: Input[str]


class InVolume(Resource):
    """A resource in a volume. `image` is any local image: a container of it is created, never started, to reach the volume."""

    volume: Input[str] = takes(replaces=True)
    image: Input[str]


def _declare(kind: type[Resource], name: str, arguments: Mapping[str, Any], opts: ResourceOptions | None) -> CustomResource:
    """The resource in a program. What is left out is filled in by the provider."""
    import pulumi

    missing = {input_name for input_name, declared in kind.inputs.items() if declared.required} - arguments.keys()
    if wrong := sorted(missing | (arguments.keys() - kind.inputs.keys())):
        raise TypeError(f"{kind.__name__} takes {', '.join(kind.inputs)}: wrong or missing here: {', '.join(wrong)}")
    properties: dict[str, Any] = dict.fromkeys(kind.outputs)
    for input_name, declared in kind.inputs.items():
        value = arguments.get(input_name)
        properties[input_name] = pulumi.Output.secret(value) if declared.secret and value is not None else value
    if kind.secret_outputs:
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=sorted(kind.secret_outputs)))

    class Declared(pulumi.CustomResource):
        # By these the SDK reads the engine's answers.
        __annotations__ = {output: pulumi.Output[hint] for output, hint in kind.outputs.items()}  # type: ignore[valid-type]

        # The engine records where the program called this class: the SDK looks for the caller of a class's own constructor.
        def __init__(self) -> None:
            super().__init__(f"christmas:index:{kind.__name__}", name, properties, opts)

    return Declared()
