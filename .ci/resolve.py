"""Resolve the project's dependencies for other Pythons than the one that runs.

pip's `--python-version` chooses wheels for that Python, but evaluates environment markers (`python_version < "3.11"`)
for the Python that runs pip. So the markers' environment is replaced too, in a pip process of its own; pip writes that
environment into its report, which shows whether the replacement took hold.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

PIP_FOR_ANOTHER_PYTHON = """
import sys
from pip._vendor.packaging import markers

version, *arguments = sys.argv[1:]
environment = {**markers.default_environment(), "python_version": version, "python_full_version": version + ".0"}
markers.default_environment = lambda: environment
from pip._internal.cli.main import main
sys.exit(main(arguments))
"""


def resolve(version: str, requirements: list[str]) -> str:
    """The line that says what pip would install for Python `version`, such as `3.13`."""
    with tempfile.TemporaryDirectory() as folder:
        report_file = Path(folder) / "report.json"
        options = ["--dry-run", "--quiet", "--only-binary=:all:", f"--python-version={version}"]
        places = [f"--target={folder}/target", f"--report={report_file}"]
        pip = [sys.executable, "-c", PIP_FOR_ANOTHER_PYTHON, version, "install", *options, *places, *requirements]
        ran = subprocess.run(pip, check=False, stderr=subprocess.PIPE, text=True)
        if ran.returncode:
            raise SystemExit(f"Python {version}: the dependencies do not resolve\n{ran.stderr}")
        report = json.loads(report_file.read_text())
    if report["environment"]["python_version"] != version:
        raise SystemExit(f"Python {version}: pip evaluated the markers for {report['environment']['python_version']}")
    chosen = {item["metadata"]["name"].lower(): item["metadata"]["version"] for item in report["install"]}
    shown = ", ".join(f"{name} {chosen[name]}" for name in ("tensorflow", "keras", "numpy"))
    return f"Python {version}: {len(chosen)} packages ({shown})"


def main() -> None:
    """Resolve for every Python named on the command line; the first that fails ends the run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", required=True, help="such as 3.13; may be given several times")
    parser.add_argument("requirements", nargs="+", help="what pip takes, such as '.[test]'")
    arguments = parser.parse_args()
    with ThreadPoolExecutor(2) as pool:
        for line in pool.map(partial(resolve, requirements=arguments.requirements), arguments.python):
            print(line, flush=True)


if __name__ == "__main__":
    main()
