"""Do two commits make the same int8 files? For a change that is to change no behaviour, such as a move.

    python -m benchmarks.same_bytes main~40 main

Each commit is checked out beside this one and exports with this environment, so that only edgeswap's own code differs:
the digits example and MLPerf Tiny's ResNet8, by both methods, with one seed. The exit code is 1 where a file differs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("EDGESWAP_SHARED", CHECKOUT.parent / "shared"))
# The command line's module was `edgeswap.cli` before it became a room.
RUN = """
from edgeswap import cli
if not hasattr(cli, "main") or not callable(cli.main):
    from edgeswap.cli import main as cli
cli.main()
"""

RESNET8 = [
    str(SHARED / "models" / "mlperf_tiny_resnet8.h5"),
    *("--data", str(SHARED / "data" / "cifar10_train.zip")),
    *("--test-data", str(SHARED / "data" / "cifar10_validation.zip")),
    *("--preprocess", "raw", "--epochs", "1", "--target-samples", "100"),
]
CASES: Mapping[str, Sequence[str]] = {
    "digits ptq": ["--method", "ptq"],
    "digits qat": ["--method", "qat"],
    "digits hard_swish ptq": ["--method", "ptq", "--activation", "hard_swish"],
    "ResNet8 ptq": [*RESNET8, "--method", "ptq"],
    "ResNet8 qat": [*RESNET8, "--method", "qat"],
}


def exported(tree: Path, arguments: Sequence[str], folder: Path) -> str:
    """SHA-256 of the int8 file that `edgeswap export` of the checkout `tree` makes in `folder`.

    Raises:
        RuntimeError: the export failed.
    """
    command = [sys.executable, "-c", RUN, "export", "--int8", *arguments, "--seed", "0", "--output", str(folder)]
    store = str(folder.with_name(f"{folder.name}-store"))  # of its own, so that nothing is taken from another run
    environment = {**os.environ, "PYTHONPATH": str(tree), "EDGESWAP_CACHE_DIR": store}
    ran = subprocess.run(command, cwd=folder.parent, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{tree.name}, {' '.join(arguments)}: exit code {ran.returncode}\n{ran.stderr[-2000:]}")
    return hashlib.sha256((folder / "model_int8.tflite").read_bytes()).hexdigest()


def compare(commits: Sequence[str], names: Sequence[str]) -> bool:
    """Export every case by both commits and print a line for each; whether all files are equal."""
    equal = True
    with tempfile.TemporaryDirectory() as place:
        trees = []
        for number, commit in enumerate(commits):
            tree = Path(place) / f"tree{number}"
            subprocess.run(["git", "worktree", "add", "--quiet", "--detach", tree, commit], cwd=CHECKOUT, check=True)
            trees.append(tree)
        try:
            for name in names:
                digests = [
                    exported(tree, CASES[name], Path(place) / f"{name.replace(' ', '_')}{number}")
                    for number, tree in enumerate(trees)
                ]
                same = len(set(digests)) == 1
                equal &= same
                print(
                    f"{name}: {'equal, ' + digests[0] if same else 'DIFFERENT, ' + ' and '.join(digests)}", flush=True
                )
        finally:
            for tree in trees:
                subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=CHECKOUT, check=True)
    return equal


def main() -> int:
    """Compare the commits that the command line names; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commits", nargs=2, metavar="COMMIT")
    parser.add_argument("--case", action="append", choices=CASES, help="only this; may be given several times")
    arguments = parser.parse_args()
    return 0 if compare(arguments.commits, arguments.case or list(CASES)) else 1


if __name__ == "__main__":
    sys.exit(main())
