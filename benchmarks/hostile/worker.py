"""A process that runs many commands, one at a time, since the import of TensorFlow takes seconds.

It is told on its standard input, a line of JSON a command, and answers on its standard output.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgeswap import forks

CHECKOUT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Answer until the standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")  # as the command line does
    forks.allow()  # likewise
    programs = {"edgeswap": _edgeswap(with_stages="--tensorflow" in sys.argv), "benchmark.py": _benchmark()}
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        code = _run(programs[asked["program"]], asked)
        print(json.dumps({"code": code}), file=answers, flush=True)


def _edgeswap(*, with_stages: bool) -> Callable[[Sequence[str]], int]:
    from edgeswap.cli.main import run  # noqa: PLC0415  (each worker needs its own part)

    if with_stages:
        import edgeswap.commands.check  # noqa: PLC0415
        import edgeswap.commands.from_scratch  # noqa: PLC0415
        import edgeswap.commands.swap  # noqa: F401, PLC0415
    return run


def _benchmark() -> Callable[[Sequence[str]], int]:
    """`main` of the device script, which is no module of a package."""
    found = importlib.util.spec_from_file_location("benchmark", CHECKOUT / "deploy" / "benchmark.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["benchmark"] = module
    found.loader.exec_module(module)
    run: Callable[[Sequence[str]], int] = module.main
    return run


def _run(program: Callable[[Sequence[str]], int], asked: dict[str, Any]) -> int:
    """Exit code of the command, whose output goes into two files of its folder."""
    os.chdir(asked["folder"])
    os.environ["TMPDIR"] = tempfile.tempdir = asked["temporary"]
    kept = os.dup(1), os.dup(2)
    for descriptor, file in ((1, asked["stdout"]), (2, asked["stderr"])):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, descriptor)
        os.close(opened)
    try:
        return program(asked["arguments"])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  (what Python itself would do with it)
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, old in zip((1, 2), kept, strict=True):
            os.dup2(old, descriptor)
            os.close(old)
        os.chdir(CHECKOUT)


if __name__ == "__main__":
    main()
