"""The Dockerfile: what it says, and what its instructions do in a Debian root of the base image's release."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import dockerfile

CHECKOUT = Path(__file__).resolve().parent.parent
# What the base image has and Debian's minimum has not. Its Python is of the same minor version as Debian's.
DEBIAN_PACKAGES = "ca-certificates,python3,python3-venv"


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    return dockerfile.parse((CHECKOUT / "Dockerfile").read_text())


def test_base_is_pinned(instructions: list[tuple[str, str]]) -> None:
    pulled = [
        arguments.split()[0] for name, arguments in instructions if name == "FROM" and not arguments.startswith("base")
    ]
    assert len(pulled) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm(@sha256:[0-9a-f]{64})?", pulled[0])


def test_starts_edgeswap_and_not_as_root(instructions: list[tuple[str, str]]) -> None:
    last = dict(instructions)
    assert last["ENTRYPOINT"] == '["edgeswap"]'
    assert last["USER"].split(":")[0] not in ("root", "0")


@pytest.mark.slow
def test_context_is_what_the_wheel_is_built_from() -> None:
    tops = {path.parts[0] for path in dockerfile.context_files(CHECKOUT)}
    assert tops == {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "edgeswap", "deploy", "calibration"}
    assert not any("__pycache__" in path.parts for path in dockerfile.context_files(CHECKOUT))


def test_unknown_instruction_is_refused(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM x\nHEALTHCHECK NONE\n")
    with pytest.raises(AssertionError, match="HEALTHCHECK"):
        dockerfile.build(tmp_path, tmp_path / "base", tmp_path)


@pytest.mark.slow
@pytest.mark.rare
def test_instructions_build_an_image_that_runs(tmp_path: Path) -> None:
    if os.getuid() != 0 or not shutil.which("mmdebstrap") or not shutil.which("unshare"):
        pytest.skip("needs root, mmdebstrap and unshare to make a Debian root")
    base = tmp_path / "base"
    bootstrap = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={DEBIAN_PACKAGES}", "bookworm", str(base)]
    subprocess.run(bootstrap, check=True, capture_output=True)
    (base / "usr/local/bin/python").symlink_to("/usr/bin/python3")

    image = dockerfile.build(CHECKOUT, base, tmp_path)

    left_behind = [path for name in ("root/.cache", "src", "tmp/*") for path in image.root.glob(name)]
    assert not left_behind
    assert "Usage: edgeswap" in dockerfile.run(image, [*image.entrypoint, *image.cmd])
    assert dockerfile.run(image, ["id", "-u"]).strip() != "0"
    dockerfile.run(image, ["touch", "written"])
    for name in ("deploy/benchmark.py", "calibration/digits.npz", "calibration/manifest.json"):
        found = dockerfile.run(
            image, ["python", "-c", f"from edgeswap.system.shipped import path; print(path({name!r}))"]
        )
        assert "/edgeswap/_data/" in found
    # TensorFlow's own libraries load: the image needs no Debian package that the base does not have.
    dockerfile.run(image, ["python", "-c", "import edgeswap.frameworks"])
    shutil.rmtree(tmp_path, ignore_errors=True)
