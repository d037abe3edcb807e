"""verify on targets: the named runtime to the last bit, another one within the tolerance, over ssh and emulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeswap.bundle.manifest import Golden
from edgeswap.errors import TargetError
from edgeswap.progress import Progress
from edgeswap.targets.emulator import target as emulator
from edgeswap.targets.emulator.root import BUILD
from tests.bundles import (
    InProcess,
    image_bundle,
    manifest,
    split_bundle,
)
from tests.ssh_server import running
from tests.test_bundle_verify import faults, verified


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return image_bundle(tmp_path_factory.mktemp("bundle"))


@dataclass(frozen=True)
class Other:
    """The host, as if under another runtime: its outputs are some steps off."""

    version: str = "2.3.0"
    steps: int = 0
    name: str = "other"
    processor: str | None = None

    def run(
        self,
        files: Mapping[str, Path],
        arguments: Sequence[str],
        *,
        progress: Progress,
        brings: Mapping[str, Path] | None = None,
    ) -> dict[str, Any]:
        answer = InProcess().run(files, arguments, progress=progress, brings=brings)
        for path in (brings or {}).values():
            with np.load(path) as outputs:
                moved = {name: self._moved(array) for name, array in outputs.items()}
            np.savez(path, **moved)
        machine = answer["machine"] if self.processor is None else {**answer["machine"], "architecture": self.processor}
        return {**answer, "machine": machine, "runtime": {**answer["runtime"], "version": self.version}}

    def _moved(self, int8: np.ndarray) -> np.ndarray:
        """Away from the ends, where a step more is no int8."""
        return np.where(int8 > 0, int8 - self.steps, int8 + self.steps).astype(np.int8)


def tolerance(bundle: bytes) -> Golden:
    return manifest(bundle).golden


def test_the_named_runtime_is_held_to_the_last_bit(tmp_path: Path, bundle: bytes) -> None:
    found = faults(verified(tmp_path, bundle, Other(steps=1)))
    assert "off by 1 int8 steps, 0 are allowed" in found["golden output on other"][0]


def test_one_runtime_may_be_a_step_off_on_another_processor(tmp_path: Path, bundle: bytes) -> None:
    within, beyond = (verified(tmp_path, bundle, Other(steps=steps, processor="riscv64")) for steps in (1, 2))
    assert within.checks[-1].about == "ai-edge-litert 2.3.0: greatest difference 1 int8 steps, allowed 1"
    assert (within.passed, beyond.passed) == (True, False)


def test_another_runtime_has_the_tolerance(tmp_path: Path, bundle: bytes) -> None:
    allowed = tolerance(bundle).tolerance_steps
    within = verified(tmp_path, bundle, Other("1.0.0", allowed))
    assert (within.passed, within.checks[-1].about) == (
        True,
        f"ai-edge-litert 1.0.0: greatest difference {allowed} int8 steps, allowed {allowed}",
    )
    beyond = verified(tmp_path, bundle, Other("1.0.0", allowed + 1))
    assert f"off by {allowed + 1} int8 steps, {allowed} are allowed" in faults(beyond)["golden output on other"][0]


def test_several_targets(tmp_path: Path, bundle: bytes) -> None:
    found = verified(tmp_path, bundle, InProcess(), Other(steps=3))
    assert list(faults(found)) == ["golden output on other"]


class Failing:
    name = "board"

    def run(self, files: Any, arguments: Any, *, progress: Any, brings: Any = None) -> dict[str, Any]:
        raise TargetError("board: gone.", "Look for it.")


class Old:
    """A device script that knew one output a model."""

    name = "old"

    def run(self, files: Any, arguments: Any, *, progress: Any, brings: Any = None) -> dict[str, Any]:
        for path in brings.values():
            np.savez(path, model0=np.zeros((4, 6), np.int8))
        return {"data": {"samples": 4}, "models": [{"outputs": [{"name": "logits", "shape": [1, 6]}]}]}


@pytest.mark.parametrize(
    ("target", "said"), [(Failing(), "gone"), (Old(), "Expected the outputs of 1 models for 4 samples")]
)
def test_a_target_that_fails_is_an_error_and_no_verdict(tmp_path: Path, bundle: bytes, target: Any, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        verified(tmp_path, bundle, target)


@pytest.mark.slow
def test_a_bundle_of_two_outputs_verifies_on_a_board(tmp_path: Path) -> None:
    """Over OpenSSH's own server, with this machine as the board."""
    with running(tmp_path / "server") as server:
        found = verified(tmp_path, split_bundle(tmp_path), server.target())
    assert faults(found) == {}
    assert found.checks[-1].about == "ai-edge-litert 2.3.0: greatest difference 0 int8 steps, allowed 0"


@pytest.mark.slow
@pytest.mark.rare  # test_any_network.py verifies a bundle on one under the newer runtime
def test_a_bundle_verifies_on_an_emulated_pi(tmp_path: Path, bundle: bytes) -> None:
    """Under both runtimes: to the last bit under the one that made it, within the tolerance under the other."""
    if lacking := [sentence for sentence in emulator.missing() if BUILD not in sentence]:
        pytest.skip(lacking[0])
    emulator.build()
    pies = emulator.Emulator.parse("emulator:pi5")
    found = verified(tmp_path, bundle, *pies)
    assert faults(found) == {}
    allowed = tolerance(bundle).tolerance_steps
    litert, older = found.checks[-2:]
    assert litert.about == "ai-edge-litert 2.3.0: greatest difference 0 int8 steps, allowed 1"  # another processor
    assert older.about.startswith("tflite-runtime 2.14.0")
    assert older.about.endswith(f"allowed {allowed}")
