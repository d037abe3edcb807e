"""The scripts and the notebook of examples/, run as a person runs them: in an empty folder, from top to bottom."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
# What a notebook does: each cell in one namespace, the value of a last expression shown by `_repr_html_`, else by repr.
RUN_CELLS = """
import ast, json, sys

names = {"__name__": "__main__"}
for number, source in enumerate(json.load(open(sys.argv[1]))):
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, f"cell {number}", "exec"), names)
    value = None if last is None else eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
    shown = value._repr_html_() if hasattr(value, "_repr_html_") else repr(value)
with open(sys.argv[2], "w") as file:
    file.write(shown)
"""


def cells(kind: str) -> list[str]:
    notebook = json.loads((EXAMPLES / "export.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["name"]) == (4, "python3")
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_the_notebook_is_stored_without_outputs_and_every_cell_compiles() -> None:
    notebook = json.loads((EXAMPLES / "export.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for number, source in enumerate(cells("code")):
        compile(source, f"cell {number}", "exec")


@pytest.mark.slow
@pytest.mark.rare  # its calls are those of test_exported.py, and its cells compile, above
def test_the_notebook_runs_and_shows_its_result(tmp_path: Path) -> None:
    (tmp_path / "cells.json").write_text(json.dumps(cells("code")))
    command = [sys.executable, "-c", RUN_CELLS, "cells.json", "shown.html"]
    ran = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert " bytes, drop " in ran.stdout
    shown = (tmp_path / "shown.html").read_text()
    assert "Exported (no limits were set)" in shown
    assert "stripes" in shown  # where the files are
    assert (tmp_path / "stripes" / "report.html").is_file()
