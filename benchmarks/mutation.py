"""How many small faults, planted one at a time, the tests notice: `python -m benchmarks.mutation tflite`.

Each mutant is one change of a module's syntax tree: a comparison, a condition, a number, an operation, a statement that
is left out. All run in one process, which imports TensorFlow once: edgeswap's modules and the tests are imported anew
for each mutant, and a finder hands out the changed module. The tests are those of that module, the fast ones first. A
mutant that outlives them is printed; whether it is equivalent to the original, or a test is missing, a person judges.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PASSED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)

# Tests of a module, the fastest first, where they are not the file that bears its name.
TESTS: Mapping[str, Sequence[str]] = {
    "graph/build": ("graph",),
    "graph/calls": ("depth", "graph"),
    "graph/canonicalize": ("graph",),
    "graph/dialect": ("graph",),
    "graph/inline": ("inline",),
    "graph/ir": ("ir", "inline", "swap"),
    "graph/operation_layer": ("graph_operations",),
    "graph/operations": ("graph_operations", "graph"),
    "graph/patterns": ("graph",),
    "graph/precision": ("graph", "source"),
    "graph/read": ("graph",),
    "graph/swap": ("swap", "graph"),
    "graph/swap_pattern": ("swap",),
    "quantization/decompose": ("placement", "decompose"),
    "quantization/folding": ("folding", "equalization"),
    "quantization/layer_by_layer": ("layer_by_layer", "shared_weights", "reconstruction"),
    "quantization/range_search": ("range_search", "reconstruction"),
    "quantization/specification": ("placement", "specification"),
}  # fmt: skip

_COMPARISONS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATIONS: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Every mutant of a module, as (what was changed, the changed source)."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        for change in range(len(_changes(node))):
            mutant = copy.deepcopy(tree)
            target = next(node for place, node in enumerate(ast.walk(mutant)) if place == number)
            before = ast.unparse(target).splitlines()
            _changes(target)[change]()
            changed = ast.unparse(target).splitlines()
            differing = [(one, other) for one, other in zip(before, changed, strict=False) if one != other]
            if differing:
                one, other = (line.strip()[:90] for line in differing[0])
                yield f"{getattr(node, 'lineno', 0)}: {one}  ->  {other}", ast.unparse(mutant)


def _changes(node: ast.AST) -> list[Any]:  # noqa: PLR0911  (one for each kind of node)
    """What can be done to a node, each as a function that does it in place."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            return [lambda: setattr(node, "ops", [_COMPARISONS[type(op)]()])]
        case ast.BoolOp(op=op, values=values):
            other = ast.Or() if isinstance(op, ast.And) else ast.And()
            dropped = [lambda i=i: setattr(node, "values", values[:i] + values[i + 1 :]) for i in range(len(values))]
            return [lambda: setattr(node, "op", other), *dropped]
        case ast.BinOp(op=op) if type(op) in _OPERATIONS:
            return [lambda: setattr(node, "op", _OPERATIONS[type(op)]())]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return [lambda: setattr(node, "operand", ast.UnaryOp(ast.Not(), operand))]
        case ast.Constant(value=bool() as value):
            return [lambda: setattr(node, "value", not value)]
        case ast.Constant(value=int() | float() as value):
            return [lambda: setattr(node, "value", value + 1)]
        case ast.If() | ast.IfExp():
            return [lambda value=value: setattr(node, "test", ast.Constant(value)) for value in (True, False)]
        case ast.comprehension(ifs=[_, *_]):
            return [lambda: setattr(node, "ifs", [])]
        case ast.FunctionDef(body=body) | ast.For(body=body):
            simple = [i for i, line in enumerate(body) if isinstance(line, (ast.AugAssign, ast.Continue))]
            calls = [
                i for i, line in enumerate(body) if isinstance(line, ast.Expr) and isinstance(line.value, ast.Call)
            ]
            return [lambda i=i: body.__setitem__(i, ast.Pass()) for i in (*simple, *calls)]
    return []


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Hands out one module with another source."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:  # noqa: ARG002
        return importlib.util.spec_from_loader(fullname, self, origin=str(self.path)) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self.path)
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)


def survives(module: str, source: str, timeout_s: float) -> bool:
    """Whether the tests of `module`, such as `graph/inline`, pass with `source` in its place: the fast, then the slow.

    A mutant that never ends is killed after `timeout_s` seconds of the processor, whatever else the machine does.
    """
    for name in [name for name in sys.modules if _is_ours(name)]:
        del sys.modules[name]
    changed = _Changed(f"edgeswap.{module.replace('/', '.')}", ROOT / "edgeswap" / f"{module}.py", source)
    sys.meta_path.insert(0, changed)
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, timeout_s)
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
            return all(
                pytest.main(["-x", "-q", "-m", marked, *map(str, tests_of(module))]) in PASSED
                for marked in ("not slow", "slow and not rare and not families")
            )
    except TimeoutError:
        return False
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.meta_path.remove(changed)


def _is_ours(name: str) -> bool:
    """Whether a module is to be imported anew. What registers classes with Keras stays, and so do converted models."""
    kept = name.startswith(("edgeswap.activations", "edgeswap.frameworks", "edgeswap.errors", "edgeswap.records"))
    return name.startswith(("edgeswap.", "test_", "tests.test_", "conftest", "tests.conftest")) and not kept


def _too_long(*_: object) -> None:
    raise TimeoutError


def tests_of(module: str) -> list[Path]:
    """The test files of a module: those of its name, else the three smallest that import it."""
    bare = module.split("/")[1]
    names = TESTS.get(module, (bare, f"tflite_{bare}") if not module.startswith("tflite/") else (f"tflite_{bare}",))
    if named := [path for name in names if (path := ROOT / "tests" / f"test_{name}.py").exists()]:
        return named
    imported = f"edgeswap.{module.replace('/', '.')} "
    every = [path for path in (ROOT / "tests").glob("test_*.py") if imported in path.read_text()]
    return sorted(every, key=lambda path: path.stat().st_size)[:3]


def main() -> None:
    """Print each mutant that survives, and figures for each module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rooms", nargs="+", help="folders of edgeswap, or modules such as graph/inline")
    parser.add_argument("--sample", type=int, default=10, help="mutants a module, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests"))
    os.chdir(ROOT)
    for room in given.rooms:
        folder = ROOT / "edgeswap" / room
        modules = sorted(f"{room}/{path.stem}" for path in folder.glob("*.py")) if folder.is_dir() else [room]
        for module in modules:
            source = (ROOT / "edgeswap" / f"{module}.py").read_text()
            every = list(mutants(source))
            if not every:
                continue
            if not tests_of(module):
                print(f"{module}: no test imports it", flush=True)
                continue
            began = time.process_time()
            if not survives(module, source, 3600.0):
                print(f"{module}: its tests fail as it is", flush=True)
                continue
            timeout_s = 10 + 3 * (time.process_time() - began)
            drawn = random.Random(given.seed).sample(every, min(given.sample, len(every)))
            alive = [what for what, changed in drawn if survives(module, changed, timeout_s)]
            print(f"{module}: {len(drawn)} of {len(every)} tried, {len(alive)} survived", flush=True)
            for what in alive:
                print(f"    {what}", flush=True)


if __name__ == "__main__":
    main()
