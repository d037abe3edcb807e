"""`edgeswap export` writes a bundle, and `edgeswap bundle verify` judges it; exit codes 0, 1, 2 and 3."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeswap.config.export import export_config
from edgeswap.errors import ConfigError
from tests.bundles import contents, image_bundle
from tests.conftest import Ran
from tests.models import classifier, digits, means

PTQ = ("--method", "ptq", "--data")


@pytest.mark.slow
def test_an_export_makes_a_bundle_that_verifies(place: Path, edgeswap: Callable[..., Ran]) -> None:
    """Of a model with two inputs, pixels and a number."""
    import numpy as np

    from edgeswap.frameworks import keras

    classifier(keras, inputs=2).save("two.keras")
    pixels, labels = digits("train")
    np.savez("two.npz", image=pixels, mean=means(pixels / np.float32(255)), y=labels)
    (place / "names.txt").write_text("".join(f"Ziffer {digit}\n" for digit in range(10)), encoding="utf-8")
    credits = ("--author", "Zoë", "--licence", "MIT", "--description", "Ziffern", "--labels", "names.txt")
    ran = edgeswap("export", "two.keras", *PTQ, "two.npz", "--preprocess", "unit", *credits)
    assert ran.code == 0, ran.stderr
    ran = edgeswap("bundle", "verify", "out/bundle.zip")
    assert ran.code == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "The bundle verifies."
    assert ran.stdout.count("right ") == 8

    files = contents(Path("out/bundle.zip").read_bytes())
    said = json.loads(files["model.json"])
    assert (said["author"], said["licence"], said["description"]) == ("Zoë", "MIT", "Ziffern")
    assert [tensor["pixels"] is None for tensor in said["inputs"]] == [False, True]
    assert said["golden"]["vectors"][0]["inputs"] == ["golden/0.input0.u8", "golden/0.input1.f32"]
    assert files["labels.txt"].decode().splitlines()[3] == "Ziffer 3"
    report = json.loads(Path("out/report.json").read_text())
    assert said["provenance"]["test"]["sha256"] == report["data"]["test"]["sha256"]
    assert said["provenance"]["source_model_sha256"] == report["model"]["sha256"]

    with zipfile.ZipFile("out/bundle.zip") as archive:
        archive.extractall("app")
    command = [sys.executable, "app/python/model.py"]
    alone = subprocess.run(command, capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.startswith("pass: 4 golden vectors, outputs off by at most 0 int8 steps")


@pytest.mark.slow
def test_what_does_not_verify_and_what_cannot_be_judged(place: Path, edgeswap: Callable[..., Ran]) -> None:
    whole = image_bundle(place)
    (place / "bundle.zip").write_bytes(whole)
    changed = bytearray(whole)
    changed[changed.index(b"null\neins")] ^= 1
    (place / "changed.zip").write_bytes(changed)
    ran = edgeswap("bundle", "verify", "changed.zip")
    assert (ran.code, ran.stdout.splitlines()[-1]) == (3, "The bundle does not verify.")
    assert "- labels.txt: its bytes differ from those that the zip was made from" in ran.stdout
    found = edgeswap("bundle", "verify", "changed.zip", "--json")
    verdict = json.loads(found.stdout)
    assert (found.code, verdict["passed"]) == (3, False)
    assert {check["name"] for check in verdict["checks"] if check["faults"]} >= {"files", "labels"}

    with zipfile.ZipFile("hostile.zip", "w") as archive:
        archive.writestr("../outside.txt", b"x")
    ran = edgeswap("bundle", "verify", "hostile.zip")
    assert ran.code == 1
    assert "'../outside.txt', a name that a bundle does not have" in ran.stderr
    assert not (place.parent / "outside.txt").exists()
    assert edgeswap("bundle", "verify", "missing.zip").code == 1
    assert edgeswap("bundle", "verify", "bundle.zip", "--target", "hots").code == 2
    assert edgeswap("bundle", "verify", "bundle.zip", "--target", "ethos-u55-128").code == 2
    assert edgeswap("bundle", "verify").code == 2
    assert edgeswap("bundle", "verify", "bundle.zip").code == 0


@pytest.mark.parametrize("flag", ["author", "license", "description"])
def test_text_that_cannot_be_written_is_told_at_once(flag: str) -> None:
    with pytest.raises(ConfigError, match="Unicode text"):
        export_config({flag: "Zo\udceb"})
    assert getattr(export_config({flag: "Zoë 🦓"}), flag) == "Zoë 🦓"
