"""What every test keeps to, so that it can fail where its subject is broken, and doesn't where only the machine is busy."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FILES = sorted(TESTS.rglob("*.py"))
_ASSERTING_BLOCKS = {"raises", "warns", "AtStage"}
# Of nothing they make nothing, so they are as sure of what they hand out as what they are given.
_SAME_SIZE = {"enumerate", "sorted", "reversed", "list", "tuple", "zip", "map", "items", "keys", "values"}


@functools.cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def called(node: ast.AST) -> str:
    """The last name of what is called, or of what is named."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@functools.cache
def asserting() -> frozenset[str]:
    """Names of the helpers of tests that assert something, themselves or by others."""
    bodies: dict[str, list[ast.FunctionDef]] = {}
    for tree in trees().values():
        for function in functions(tree):
            bodies.setdefault(function.name, []).append(function)
    known: set[str] = set()
    while new := {name for name, found in bodies.items() if name not in known and any(asserts(each, known) for each in found)}:
        known |= new
    return frozenset(known)


def asserts(node: ast.AST, helpers: set[str] | frozenset[str]) -> bool:
    return any(
        isinstance(each, ast.Assert | ast.Raise)
        or (isinstance(each, ast.Call) and called(each) in helpers)
        or (isinstance(each, ast.With) and any(called(item.context_expr) in _ASSERTING_BLOCKS for item in each.items))
        for each in ast.walk(node)
    )


def is_sure(node: ast.expr, local: dict[str, ast.expr]) -> bool:
    """Whether the source itself shows that there is something to go through: a literal, a range, a constant."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(not isinstance(elt, ast.Starred) or is_sure(elt.value, local) for elt in node.elts)
    if isinstance(node, ast.Name):
        # A class in a loop is an enumeration.
        return node.id.isupper() or node.id[:1].isupper() or (node.id in local and is_sure(local[node.id], {}))
    if isinstance(node, ast.Attribute):
        return node.attr.isupper()
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        return all(is_sure(generator.iter, local) and not generator.ifs for generator in node.generators)
    if isinstance(node, ast.Call) and called(node) in _SAME_SIZE:
        given = node.args or ([node.func.value] if isinstance(node.func, ast.Attribute) else [])
        return bool(given) and all(is_sure(each, local) for each in given if not isinstance(each, ast.Lambda) and called(each) != "repr")
    return (isinstance(node, ast.Dict) and bool(node.keys)) or (isinstance(node, ast.Call) and called(node) == "range")


def values_of(test: ast.FunctionDef) -> dict[str, ast.expr]:
    """What the names of a test are given."""
    return {
        target.id: node.value
        for node in ast.walk(test)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }


def names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def loops_over_perhaps_nothing(test: ast.FunctionDef) -> Iterator[ast.For]:
    """Loops that hold assertions, over something of which nothing is asserted outside of them."""
    if any(called(mark) in {"given", "holds_for"} for mark in test.decorator_list):
        return
    chosen = {word.strip() for mark in test.decorator_list for word in strings_in(mark) for word in word.split(",")}
    local = values_of(test)
    for loop in ast.walk(test):
        if not isinstance(loop, ast.For) or not asserts(loop, asserting()) or is_sure(loop.iter, local):
            continue
        inside = set(ast.walk(loop))
        told = {name for each in ast.walk(test) if isinstance(each, ast.Assert) and each not in inside for name in names_in(each)}
        if not names_in(loop.iter) & (told | chosen):
            yield loop


def said_of_all_of_perhaps_nothing(test: ast.FunctionDef) -> Iterator[ast.Assert]:
    """`assert all(…)` over something of which nothing else is asserted."""
    chosen = {word.strip() for mark in test.decorator_list for word in strings_in(mark) for word in word.split(",")}
    local = values_of(test)
    told_by = [(each, names_in(each)) for each in ast.walk(test) if isinstance(each, ast.Assert)]
    for asserted, _ in told_by:
        for call in ast.walk(asserted.test):
            if not (called(call) == "all" and isinstance(call, ast.Call) and isinstance(call.args[0], ast.GeneratorExp)):
                continue
            over = call.args[0].generators[0].iter
            told = set().union(*(names for each, names in told_by if each is not asserted))
            if not is_sure(over, local) and not names_in(over) & (told | chosen):
                yield asserted


def ends_before_it_asserts(test: ast.FunctionDef) -> Iterator[ast.stmt | ast.ExceptHandler]:
    """Where a test is over without having asserted anything: it returns, or passes over what was raised."""
    for node in ast.walk(test):
        if isinstance(node, ast.If) and _is_bare_return(node.body[-1]) and not asserts(node, asserting()):
            yield node
        if isinstance(node, ast.Try):
            yield from (handler for handler in node.handlers if all(_does_nothing(one) for one in handler.body))
        if isinstance(node, ast.With) and any(called(item.context_expr) == "suppress" for item in node.items):
            yield from (each for each in node.body if isinstance(each, ast.Assert))


def _is_bare_return(node: ast.stmt) -> bool:
    return isinstance(node, ast.Return) and node.value is None


def _does_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass | ast.Continue) or _is_bare_return(node)


def asserts_only_if(test: ast.FunctionDef) -> bool:
    """Whether all that a test asserts depends on a condition."""
    return asserts(test, asserting()) and not _surely(test.body)


def _surely(body: list[ast.stmt]) -> bool:
    return any(_surely(each.body) and _surely(each.orelse) if isinstance(each, ast.If) else asserts(each, asserting()) for each in body)


def says_only_what_is_missing(test: ast.FunctionDef) -> bool:
    """Whether all that a test asserts is that something isn't in a text or a list, which is so of an empty one."""
    told = [each.test for each in ast.walk(test) if isinstance(each, ast.Assert)]
    others = {id(each) for tested in told for each in ast.walk(tested)}
    more = any(isinstance(each, ast.Call | ast.With) and id(each) not in others and asserts(each, asserting()) for each in ast.walk(test))
    return bool(told) and not more and all(isinstance(each, ast.Compare) and isinstance(each.ops[0], ast.NotIn) for each in told)


def waits_in_vain(function: ast.FunctionDef) -> Iterator[ast.Expr]:
    """`join` with a time, after which nobody looks whether it has ended."""
    if any(isinstance(each, ast.Attribute) and each.attr in {"is_alive", "exitcode"} for each in ast.walk(function)):
        return
    for node in ast.walk(function):
        if isinstance(node, ast.Expr) and called(node.value) == "join" and isinstance(node.value, ast.Call):
            of = node.value.func.value if isinstance(node.value.func, ast.Attribute) else None
            if not isinstance(of, ast.Constant) and (node.value.args or node.value.keywords):
                yield node


def strings_in(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def where(path: Path, node: ast.stmt | ast.expr | ast.ExceptHandler) -> str:
    return f"{path.relative_to(TESTS)}:{node.lineno}"


@functools.cache
def all_tests() -> list[tuple[Path, ast.FunctionDef]]:
    return [(path, function) for path, tree in trees().items() for function in functions(tree) if function.name.startswith("test_")]


def found_by(look: Callable[[ast.FunctionDef], Iterator[ast.stmt | ast.ExceptHandler]]) -> list[str]:
    """Where the tests have what is looked for."""
    return [f"{where(path, node)} {test.name}" for path, test in all_tests() for node in look(test)]


def test_there_are_tests() -> None:
    assert len(all_tests()) > 1000


def test_every_test_asserts_something() -> None:
    silent = [f"{where(path, function)} {function.name}" for path, function in all_tests() if not asserts(function, asserting())]
    assert silent == []


def test_no_test_asserts_only_in_a_loop_over_perhaps_nothing() -> None:
    """Assert first that there is something, or compare lists instead of going through them."""
    found = [
        f"{where(path, loop)} {function.name}: for … in {ast.unparse(loop.iter)}"
        for path, function in all_tests()
        for loop in loops_over_perhaps_nothing(function)
    ]
    assert found == []


def test_nothing_is_asserted_of_all_of_perhaps_nothing() -> None:
    """Assert first that there is something."""
    assert found_by(said_of_all_of_perhaps_nothing) == []


def test_no_test_is_over_before_it_asserted_something() -> None:
    """Leave out cases that a test has nothing to say of where they are listed; in a property, return False: see `holds_for`."""
    assert found_by(ends_before_it_asserts) == []


def test_no_test_asserts_under_a_condition_alone() -> None:
    found = [f"{where(path, test)} {test.name}" for path, test in all_tests() if asserts_only_if(test)]
    assert found == []


def test_no_test_says_only_what_is_missing() -> None:
    """Say first what is there: a table of statistics that an account can't read holds no password either."""
    found = [f"{where(path, test)} {test.name}" for path, test in all_tests() if says_only_what_is_missing(test)]
    assert found == []


def test_whoever_waits_for_an_end_looks_whether_it_came() -> None:
    found = [where(path, each) for path, tree in trees().items() for function in functions(tree) for each in waits_in_vain(function)]
    assert found == []


def test_no_test_asserts_how_quick_something_was() -> None:
    """How quick is a matter of bench/; here, wait for what has to happen: tests.support.waiting."""
    found = [
        where(path, node)
        for path, tree in trees().items()
        if path != Path(__file__)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
        and any(isinstance(each, ast.Call) and called(each) in {"monotonic", "perf_counter"} for each in ast.walk(node))
        and any(isinstance(operator, ast.Lt | ast.LtE) for each in ast.walk(node) if isinstance(each, ast.Compare) for operator in each.ops)
    ]
    assert found == []


def test_whoever_acts_at_a_stage_makes_sure_that_it_came() -> None:
    found = [
        where(path, node)
        for path, tree in trees().items()
        if path.name != "backup_faults.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node) == "AtStage"
    ]
    entered = [
        where(path, item.context_expr)
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        for item in node.items
        if called(item.context_expr) == "AtStage"
    ]
    assert entered
    assert sorted(found) == sorted(entered)


LOOPS = {
    "def test_it():\n    for each in found:\n        assert each": 1,
    "def test_it():\n    assert found\n    for each in found:\n        assert each": 0,
    "def test_it():\n    for each in (1, 2):\n        assert each": 0,
    "def test_it():\n    for each in ():\n        assert each": 1,
    "def test_it():\n    for each in [*found]:\n        assert each": 1,
    "def test_it():\n    found = ['a']\n    for each in sorted(found):\n        assert each": 0,
    "def test_it():\n    for each in found:\n        print(each)\n    assert True": 0,
    "@pytest.mark.parametrize(('found', 'x'), CASES)\ndef test_it(found, x):\n    for each in found:\n        assert each": 0,
    "def test_it():\n    for each in found:\n        with pytest.raises(ValueError):\n            each()": 1,
}


@pytest.mark.parametrize(("text", "count"), LOOPS.items(), ids=range(len(LOOPS)))
def test_the_loops_are_told_apart(text: str, count: int) -> None:
    assert len(list(loops_over_perhaps_nothing(next(functions(ast.parse(text)))))) == count


ALL = {
    "def test_it():\n    assert all(each for each in found)": 1,
    "def test_it():\n    assert found\n    assert all(each for each in found)": 0,
    "def test_it():\n    assert all(each in said for each in Fault)": 0,
    "@pytest.mark.parametrize('found', CASES)\ndef test_it(found):\n    assert all(each for each in found)": 0,
}
ENDS = {
    "def test_it():\n    if not found:\n        return\n    assert found": 1,
    "def test_it():\n    if not found:\n        return False\n    assert found": 0,
    "def test_it():\n    if not found:\n        assert told\n        return\n    assert found": 0,
    "def test_it():\n    try:\n        work()\n    except Error:\n        pass\n    assert found": 1,
    "def test_it():\n    try:\n        work()\n    except Error as error:\n        failures.append(error)\n    assert not failures": 0,
    "def test_it():\n    with contextlib.suppress(Error):\n        work()\n        assert found": 1,
    "def test_it():\n    with contextlib.suppress(Error):\n        work()\n    assert found": 0,
}
ONLY_IF = {
    "def test_it():\n    if found:\n        assert found": 1,
    "def test_it():\n    if found:\n        assert found\n    else:\n        assert told": 0,
    "def test_it():\n    if found:\n        assert found\n    assert told": 0,
}
MISSING = {
    "def test_it():\n    assert secret not in text": 1,
    "def test_it():\n    for each in (1, 2):\n        assert each not in text": 1,
    "def test_it():\n    assert text\n    assert secret not in text": 0,
    "def test_it():\n    with pytest.raises(Error):\n        work()\n    assert secret not in text": 0,
}
IN_VAIN = {
    "def test_it():\n    thread.join(5)": 1,
    "def test_it():\n    thread.join()": 0,
    "def test_it():\n    thread.join(5)\n    assert not thread.is_alive()": 0,
    "def test_it():\n    ', '.join(found)": 0,
}


@pytest.mark.parametrize(
    ("look", "text", "count"),
    [
        *((said_of_all_of_perhaps_nothing, *case) for case in ALL.items()),
        *((ends_before_it_asserts, *case) for case in ENDS.items()),
        *((waits_in_vain, *case) for case in IN_VAIN.items()),
    ],
)
def test_what_is_looked_for_is_told_from_what_is_right(
    look: Callable[[ast.FunctionDef], Iterator[ast.stmt | ast.ExceptHandler]], text: str, count: int
) -> None:
    assert len(list(look(next(functions(ast.parse(text)))))) == count


@pytest.mark.parametrize(("text", "count"), MISSING.items())
def test_what_is_said_to_be_missing_is_told_from_what_is_there(text: str, count: int) -> None:
    assert says_only_what_is_missing(next(functions(ast.parse(text)))) == bool(count)


@pytest.mark.parametrize(("text", "count"), ONLY_IF.items())
def test_what_is_asserted_in_any_case_is_told_from_what_is_not(text: str, count: int) -> None:
    assert asserts_only_if(next(functions(ast.parse(text)))) == bool(count)
