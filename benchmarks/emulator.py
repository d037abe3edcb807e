"""Instructions of an inference on emulated Raspberry Pis: MobileNetV2 1.0 at 224x224, with each activation in int8.

The models are those of `benchmarks.latency`. It needs what `edgeswap target build emulator` needs, and builds that.
Everything long is kept in cells, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.cells import Arrays, cell
from benchmarks.section import write_section
from edgeswap.progress import Plain
from edgeswap.targets.emulator.pi import PIS
from edgeswap.targets.emulator.qemu import qemu_version
from edgeswap.targets.emulator.root import location
from edgeswap.targets.emulator.target import INFERENCES, Emulator, build
from edgeswap.targets.emulator.wheels import RUNTIMES, requirements

README = Path(__file__).parent / "README.md"
FLOAT32, REFERENCE, AS_CONVERTED = "float32 relu6", "int8 relu6", "int8 hard_swish, as converted"
MODELS = (FLOAT32, REFERENCE, "int8 clipped_elu", AS_CONVERTED, "int8 hard_swish", "int8 swish")
AGAIN = ("pi5", "ai-edge-litert")
MOST_APART = 0.01

Counts = dict[tuple[str, str], dict[str, float]]


def models(seed: int) -> Arrays:
    """The bytes of each `.tflite`, uint8."""
    from benchmarks import latency  # noqa: PLC0415  (TensorFlow, which a run that goes on does not need)

    found = latency.models(latency.SIZE, seed)
    return {name: np.frombuffer(found[name], np.uint8) for name in MODELS}


def count(emulator: Emulator, found: Arrays) -> dict[str, npt.NDArray[np.float64]]:
    """M instructions of an inference of each model."""
    with tempfile.TemporaryDirectory(prefix="edgeswap-benchmark-") as folder:
        files = {f"{index}.tflite": Path(folder) / f"{index}.tflite" for index in range(len(found))}
        for file, data in zip(files.values(), found.values(), strict=True):
            file.write_bytes(data.tobytes())
        answer = emulator.run(files, list(files), progress=Plain(sys.stderr))
    counted = [model["instructions"] / 1e6 for model in answer["models"]]
    return {name: np.array(value) for name, value in zip(found, counted, strict=True)}


def counts(folder: Path, seed: int) -> tuple[Counts, float]:
    """By Pi and runtime and model, M instructions; and by how much counting `AGAIN` differed at most, of the first."""
    found = cell(folder, "models", {"seed": seed, "models": MODELS}, lambda: models(seed))
    made_in = location(str(qemu_version())).name
    recipe = {"models": [hashlib.sha256(data.tobytes()).hexdigest() for data in found.values()], "emulator": made_in}
    counted: Counts = {}
    for runtime in RUNTIMES:
        for pi in PIS:
            emulator = Emulator(pi, runtime)
            arrays = cell(folder, f"{pi}-{runtime}", recipe, lambda emulator=emulator: count(emulator, found))  # type: ignore[misc]
            counted[pi, runtime] = {name: float(value) for name, value in arrays.items()}
    again = cell(folder, f"{'-'.join(AGAIN)}-again", recipe, lambda: count(Emulator(*AGAIN), found))
    return counted, max(abs(float(value) / counted[AGAIN][name] - 1) for name, value in again.items())


def section(counted: Counts, apart: float, command: str) -> str:
    """The section of benchmarks/README.md."""
    columns = [(pi, runtime) for runtime in RUNTIMES for pi in PIS]
    heads = [f"{runtime}, {PIS[pi].board.removeprefix('Raspberry ')}" for pi, runtime in columns]
    table = [
        f"| M instructions | {' | '.join(heads)} |",
        f"| --- |{' ---: |' * len(columns)}",
        *(f"| {name} | {' | '.join(f'{counted[column][name]:.1f}' for column in columns)} |" for name in MODELS),
    ]
    gains = [
        f"| float32 by int8, relu6 | {' | '.join(f'{_gain(counted[column]):.2f}' for column in columns)} |",
    ]
    cores = ", ".join(f"{pi.board.removeprefix('Raspberry ')}: {pi.core}" for pi in PIS.values())
    again = f"A second count of {AGAIN[1]} on the {PIS[AGAIN[0]].board}"
    return f"""```sh
{command}
```

MobileNetV2 1.0 at 224x224, the networks of "What an activation costs in int8" above. Instructions of one inference on
one thread, in millions, counted by QEMU {qemu_version()} (see `deploy/emulator/`), median of {INFERENCES}.
Instructions are not milliseconds: a core runs some of them side by side and waits for memory at others. They say which
kernels a runtime chose on that CPU and how much there is to do; times come from a board. `as converted` keeps the
converter's HARD_SWISH operators, plain hard_swish is rewritten in ADD and MUL. The last row is a ratio. tflite-runtime
runs int8 without XNNPACK.

{chr(10).join([*table, *gains])}

{cores}. {", ".join(" ".join(first.split("==")) for first, _ in requirements().values())}.
{again} {"gave the same figures to the digit" if apart == 0 else f"differed by at most {100 * apart:.4f} %"};
{100 * MOST_APART:g} % is allowed.
"""


def _gain(models_: Mapping[str, float]) -> float:
    return models_[FLOAT32] / models_[REFERENCE]


def main() -> int:
    """Count, print and write the table; 1 where a second count differs by more than it shall."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path(".cache/emulator"), help="where the cells are kept")
    arguments = parser.parse_args()
    build(progress=Plain(sys.stderr))
    counted, apart = counts(arguments.cache, arguments.seed)
    text = section(counted, apart, f"python -m benchmarks.emulator --seed {arguments.seed}")
    print(text)
    write_section(README, "emulator", text)
    return 1 if apart > MOST_APART else 0


if __name__ == "__main__":
    sys.exit(main())
