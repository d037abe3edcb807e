"""What measuring through edgeswap costs beside the bare device script, and what its workers gain beside one loop.

Nothing that is timed here imports TensorFlow; only the making of the two models does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.section import write_section
from deploy.benchmark import Engine, Work, describe_machine, find_runtime, open_evaluation, predict
from edgeswap.system import shipped
from edgeswap.targets.host import Host
from edgeswap.targets.measure import measure
from edgeswap.targets.script import SCRIPT

README = Path(__file__).parent / "README.md"
SIZE = 32
IMAGES = 1000
MANY_IMAGES = 10_000
MOST_ADDED_S = 2.0
MOST_ADDED_SHARE = 0.1
LEAST_GAIN_A_CORE = 0.7
NAMES = ("float32", "int8")
BARE, THROUGH, MANY = "bare", "through", "many"

Pairs = Sequence[tuple[float, float]]
Classes = npt.NDArray[np.int64]


def pin(text: str | None, count: int) -> list[int]:
    """Keep this process and its children to the cores that `text` lists, else to the `count` idlest of a second."""
    allowed = sorted(os.sched_getaffinity(0))
    if text is None:
        before = busy_s()
        time.sleep(1.0)
        after = busy_s()
        cores = sorted(sorted(allowed, key=lambda core: after[core] - before[core])[:count])
    else:
        cores = [int(core) for core in text.split(",")]
    os.sched_setaffinity(0, cores)
    return cores


class OtherLoad:
    """How many of some cores other programs keep busy from now on.

    All that this process starts must run on those cores, and have ended when `cores` is asked.
    """

    def __init__(self, pinned: Sequence[int]) -> None:
        self.pinned = tuple(pinned)
        self.started = time.monotonic()
        self.before = self._others_s()

    def cores(self) -> float:
        """Cores that others kept busy since, on average."""
        return max(self._others_s() - self.before, 0.0) / (time.monotonic() - self.started)

    def _others_s(self) -> float:
        busy = busy_s()
        return sum(busy[core] for core in self.pinned) - sum(os.times()[:4])


def busy_s() -> dict[int, float]:
    """CPU seconds since boot of all programs on each core, from proc(5): user, nice, system, irq, softirq, steal."""
    found = {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, _, _, irq, softirq, steal = (int(value) for value in ticks[:8])
            found[int(name[3:])] = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return found


def make(folder: Path, seed: int) -> None:
    """Write the float32 and the int8 model of one small network, and evaluation sets of 1,000 and 10,000 images."""
    from benchmarks import cifar, latency  # noqa: PLC0415  (TensorFlow, kept out of the processes that are timed)
    from edgeswap.conversion.convert import Conversion, convert_all  # noqa: PLC0415
    from edgeswap.evaluation.device_samples import write_evaluation  # noqa: PLC0415
    from edgeswap.graph.build import build  # noqa: PLC0415
    from edgeswap.tflite.lower import lower  # noqa: PLC0415

    samples = latency.samples_of(latency.photographs(latency.CALIBRATION_SAMPLES, SIZE))
    plain = latency.network(SIZE, seed, classes=10, stages=cifar.STAGES, stem_channels=16, last_channels=256)
    graph = latency.with_activation(plain, "relu6", samples)
    float32, int8 = convert_all([Conversion(build(graph), "float32"), latency.int8_conversion(graph, samples)])
    (folder / "float32.tflite").write_bytes(float32)
    (folder / "int8.tflite").write_bytes(lower(int8, runtime=latency.RUNTIME))
    for count in (IMAGES, MANY_IMAGES):
        write_evaluation(latency.photographs(count, SIZE), latency.PREPROCESS, folder / f"{count}.npz")


def bare(folder: Path) -> None:
    """The device script by itself, as `edgeswap.targets.measure` calls it."""
    command = [sys.executable, str(shipped.path(SCRIPT)), *(str(folder / f"{name}.tflite") for name in NAMES)]
    command += ["--threads", "1", "--data", str(folder / f"{IMAGES}.npz"), "--preprocess", "unit"]
    subprocess.run([*command, "--json", str(folder / "bare.json")], capture_output=True, check=True)


def through(folder: Path) -> None:
    """The same through edgeswap, in a Python of its own, whose start and imports count."""
    subprocess.run([sys.executable, "-m", __spec__.name, "--once", THROUGH, "--folder", str(folder)], check=True)


def wall_s(run: Callable[[Path], None], folder: Path) -> float:
    """How long it takes, in seconds."""
    started = time.perf_counter()
    run(folder)
    return time.perf_counter() - started


def workers(model: Path, evaluation: Path) -> tuple[float, Classes]:
    """Seconds of the device script's accuracy, a process and an interpreter for each core, and the classes it found."""
    started = time.perf_counter()
    engine = Engine(find_runtime("auto"), 1, "xnnpack", {})
    count = len(os.sched_getaffinity(0))
    work = Work(model, engine, open_evaluation(evaluation, None), "unit")
    found = predict(work, workers=count, advance=lambda _: None)
    assert found.classes is not None  # both are classifiers
    return time.perf_counter() - started, found.classes


def loop(model: Path, evaluation: Path) -> tuple[float, Classes]:
    """Seconds and classes of what one writes by hand: one interpreter of one thread, image by image."""
    started = time.perf_counter()
    interpreter = find_runtime("auto").module.Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
    classes = []
    for image in np.load(evaluation)["x"]:
        if source["dtype"] == np.int8:
            given = (image.astype(np.int16) - 128).astype(np.int8)
        else:
            given = image.astype(np.float32) / np.float32(255)
        interpreter.set_tensor(source["index"], given[None])
        interpreter.invoke()
        classes.append(int(interpreter.get_tensor(target).argmax()))
    return time.perf_counter() - started, np.array(classes)


def many(folder: Path, turn: int) -> dict[str, dict[str, tuple[float, float]]]:
    """For each model the `wall` and the `cpu` seconds of loop and workers over 10,000 images; who begins changes.

    Raises:
        RuntimeError: the two found different classes, so that they did not do the same work.
    """
    evaluation = folder / f"{MANY_IMAGES}.npz"
    sides = {"loop": loop, "workers": workers}
    found = {}
    for name in NAMES:
        order = list(sides) if turn % 2 == 0 else list(reversed(sides))
        done, cpu_s = {}, {}
        for side in order:
            before = sum(os.times()[:4])
            done[side] = sides[side](folder / f"{name}.tflite", evaluation)
            cpu_s[side] = sum(os.times()[:4]) - before  # with that of the processes that it ended
        if not np.array_equal(done["loop"][1], done["workers"][1]):
            raise RuntimeError(f"Expected the loop and the workers to find the same classes with {name}; they did not.")
        found[name] = {"wall": (done["loop"][0], done["workers"][0]), "cpu": (cpu_s["loop"], cpu_s["workers"])}
    return found


def added_s(pairs: Pairs) -> float:
    """The median of what edgeswap took longer than the bare script in the same turn, in seconds."""
    return float(np.median([longer - shorter for shorter, longer in pairs]))


def allowed_s(pairs: Pairs) -> float:
    """What it may take longer: 2 s and a tenth of the bare script's median."""
    return MOST_ADDED_S + MOST_ADDED_SHARE * float(np.median([shorter for shorter, _ in pairs]))


def gain(pairs: Pairs) -> float:
    """The median of how many times faster the workers were than the loop in the same turn."""
    return float(np.median([slow / fast for slow, fast in pairs]))


def missed(measuring: Pairs, accuracy: Mapping[str, Pairs], cores: int) -> list[str]:
    """What should have been shown and was not."""
    found = []
    if added_s(measuring) > allowed_s(measuring):
        found.append(f"measuring adds {added_s(measuring):.2f} s, at most {allowed_s(measuring):.2f}")
    for name, pairs in accuracy.items():
        if gain(pairs) < LEAST_GAIN_A_CORE * cores:
            found.append(f"{name}: {gain(pairs):.2f} times as fast, at least {LEAST_GAIN_A_CORE * cores:.1f}")
    return found


def section(
    measuring: Pairs,
    accuracy: Mapping[str, Pairs],
    cpu: Mapping[str, Pairs],
    *,
    command: str,
    pinned: Sequence[int],
    others: tuple[float, float],
) -> str:
    """The section of benchmarks/README.md.

    Args:
        measuring: wall seconds of the bare script and of edgeswap, turn by turn.
        accuracy: for each model wall seconds of the loop and of the workers.
        cpu: likewise CPU seconds.
        command: what was typed.
        pinned: the cores.
        others: how many of them other programs took, in the first part and in the second.
    """
    wall = [f"{float(np.median(column)):.2f} s" for column in zip(*measuring, strict=True)]
    rows = []
    for name, pairs in accuracy.items():
        by_loop, by_workers = (float(np.median(column)) for column in zip(*pairs, strict=True))
        gains = [slow / fast for slow, fast in pairs]
        cpu_s = [float(np.median(column)) for column in zip(*cpu[name], strict=True)]
        rows.append(
            f"| {name} | {by_loop / MANY_IMAGES * 1e3:.3f} ms | {by_loop:.2f} s | {by_workers:.2f} s "
            f"| {gain(pairs):.2f} | {min(gains):.2f} to {max(gains):.2f} | {cpu_s[0]:.2f} s | {cpu_s[1]:.2f} s |"
        )
    short = missed(measuring, accuracy, len(pinned))
    verdict = f"Missed: {'; '.join(short)}." if short else "Both hold."
    machine = describe_machine()
    runtime = find_runtime("auto")
    return f"""```sh
{command}
```

A small MobileNetV2 at {SIZE}x{SIZE}, float32 and int8, and CIFAR-10 images. `edgeswap.targets.measure` on the host, in
a fresh Python whose start counts, shall add at most {MOST_ADDED_S:.0f} s and {MOST_ADDED_SHARE * 100:.0f} % to the bare
device script with the same arguments; the script's accuracy with a process a core shall be at least {LEAST_GAIN_A_CORE}
times the number of cores faster than one interpreter in a Python loop. {len(measuring)} turns, both sides in each;
medians, and ratios of the same turn. Where others have the cores, wall time says little of the processes; their CPU
time, all of it together, is what the work costs. {verdict}

| {IMAGES:,} images, both models, latency too | bare script | edgeswap.targets.measure | added, median | allowed |
| --- | ---: | ---: | ---: | ---: |
| wall time | {wall[0]} | {wall[1]} | {added_s(measuring):.2f} s | {allowed_s(measuring):.2f} s |

| {MANY_IMAGES:,} images | an image | loop | {len(pinned)} processes | times as fast | from to | CPU, loop | CPU, all |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{chr(10).join(rows)}

CPU: {machine["cpu"]}, {len(busy_s())} cores, all pinned to cores {", ".join(map(str, pinned))}, of which other programs
took {others[0]:.2f} in the first part and {others[1]:.2f} in the second. {runtime.name} {runtime.version},
{datetime.now(timezone.utc).date().isoformat()}.
"""


def main() -> int:
    """Measure, print and write the tables; 1 where one misses what it must show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--times", type=int, default=7, help="turns of each part")
    parser.add_argument("--cores", metavar="N,N", help="which cores to keep to (default: all)")
    parser.add_argument("--once", choices=[THROUGH, MANY, "make"], help=argparse.SUPPRESS)
    parser.add_argument("--turn", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        return _once(arguments)
    with tempfile.TemporaryDirectory(prefix="edgeswap-benchmark-") as name:
        folder = Path(name)
        again = [sys.executable, "-m", __spec__.name, "--seed", str(arguments.seed), "--folder", name, "--once"]
        subprocess.run([*again, "make"], check=True)
        pinned = pin(arguments.cores, len(os.sched_getaffinity(0)))

        load = OtherLoad(pinned)
        measuring = []
        for turn in range(arguments.times):
            seconds = {run: wall_s(run, folder) for run in ((bare, through) if turn % 2 == 0 else (through, bare))}
            measuring.append((seconds[bare], seconds[through]))
        others = [load.cores()]

        load = OtherLoad(pinned)
        turns: list[dict[str, Any]] = []
        for turn in range(arguments.times):
            done = subprocess.run([*again, MANY, "--turn", str(turn)], stdout=subprocess.PIPE, text=True, check=True)
            turns.append(json.loads(done.stdout.splitlines()[-1]))
        others.append(load.cores())
    accuracy, cpu = (
        {kind: [tuple(found[kind][clock]) for found in turns] for kind in NAMES} for clock in ("wall", "cpu")
    )
    command = f"python -m benchmarks.measuring --seed {arguments.seed} --times {arguments.times}"
    text = section(measuring, accuracy, cpu, command=command, pinned=pinned, others=(others[0], others[1]))
    print(text)
    write_section(README, "measuring", text)
    return 1 if missed(measuring, accuracy, len(pinned)) else 0


def _once(arguments: argparse.Namespace) -> int:
    """What this script starts as a process of its own."""
    folder = arguments.folder
    if arguments.once == "make":
        make(folder, arguments.seed)
    elif arguments.once == THROUGH:
        paths = [folder / f"{name}.tflite" for name in NAMES]
        measure(Host(), paths, folder / f"{IMAGES}.npz", outputs=folder / "outputs.npz", preprocess="unit")
    else:
        print(json.dumps(many(folder, arguments.turn)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
