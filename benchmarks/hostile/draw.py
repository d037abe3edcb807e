"""Which file is broken how, and which command reads it: all from a seed and an index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from benchmarks.hostile.bytes_mutators import BYTES, Mutator
from benchmarks.hostile.hdf5_mutators import HDF5
from benchmarks.hostile.json_mutators import mutate_json
from benchmarks.hostile.npz_mutators import NPZ
from benchmarks.hostile.tflite_mutators import TFLITE
from benchmarks.hostile.tree_mutators import BUNDLE, PICTURES, SAVED_MODEL, Tree, TreeMutator
from benchmarks.hostile.zip_mutators import ZIP, members, packed

Program = Literal["edgeswap", "benchmark.py"]

# How many of 100 cases are of each form.
FORMS = {"keras": 36, "h5": 20, "saved_model": 8, "tflite": 12, "npz": 10, "zip": 4, "pictures": 4, "bundle": 6}
NAMES = {
    "keras": "model.keras",
    "h5": "model.h5",
    "saved_model": "saved_model",
    "tflite": "model.tflite",
    "npz": "data.npz",
    "zip": "pictures.zip",
    "pictures": "pictures",
    "bundle": "bundle.zip",
}
SOURCES = {
    "keras": ("functional.keras", "sequential.keras", "old.keras"),
    "h5": ("old.h5", "sequential.h5"),
    "saved_model": ("saved_model",),
    "tflite": ("model_int8.tflite", "model_float32.tflite"),
    "npz": ("data.npz",),
    "zip": ("pictures",),
    "pictures": ("pictures",),
    "bundle": ("bundle.zip",),
}
DATA = ("npz", "zip", "pictures")  # read beside a sound network
# One in so many runs as a command of its own, from the start of Python on, rather than in a process that runs many.
FRESH_EVERY = 33
# Which commands read a form, and how often; an export takes by far the longest.
READERS = {
    "keras": {"check": 7, "swap": 2, "export": 1},
    "h5": {"check": 7, "swap": 2, "export": 1},
    "saved_model": {"check": 7, "swap": 2, "export": 1},
    "tflite": {"check": 3, "bench": 2, "benchmark.py": 3},
    "npz": {"benchmark.py": 5, "bench": 2, "swap": 3, "export": 1},
    "zip": {"bench": 4, "swap": 4, "export": 1},
    "pictures": {"bench": 4, "swap": 4, "export": 1},
    "bundle": {"bundle verify": 1},
}
COMMANDS = frozenset(command for commands in READERS.values() for command in commands)


@dataclass(frozen=True)
class Case:
    """A broken file and the command that reads it.

    Attributes:
        index: with the seed, what all else hangs on.
        form: of the file, a key of `FORMS`.
        source: the sound file that was broken.
        mutation: what was done to it.
        command: a key of `READERS`, such as `bundle verify`.
        program: what runs.
        arguments: of the program; the working folder holds the broken file in `in/`.
        tree: the broken file, or the files of the broken folder, by path in `in/`.
        fresh: whether the command runs from the start of Python on.
    """

    index: int
    form: str
    source: str
    mutation: str
    command: str
    program: Program
    arguments: tuple[str, ...]
    tree: Tree
    fresh: bool


def draw(seed: int, index: int, sound: Path) -> Case:
    """The case of this number; `sound` is the folder of the files that `originals` made."""
    rng = Random(f"{seed}/{index}")
    form = _chosen(FORMS, rng)
    command = _chosen(READERS[form], rng)
    source = rng.choice(SOURCES[form])
    arguments = _arguments(form, command, source, sound, rng)
    fresh = index % FRESH_EVERY == 0
    mutation, tree = _broken(form, sound / source, rng)
    program: Program = "benchmark.py" if command == "benchmark.py" else "edgeswap"
    return Case(index, form, source, mutation, command, program, arguments, tree, fresh)


def sound_case(form: str, command: str, sound: Path) -> Case:
    """The same command on a sound file: what time and memory it takes is the ordinary."""
    source = sound / SOURCES[form][0]
    content = _zipped(source) if form == "zip" else source.read_bytes() if source.is_file() else None
    tree: Tree = _tree(source, NAMES[form]) if content is None else {NAMES[form]: content}
    program: Program = "benchmark.py" if command == "benchmark.py" else "edgeswap"
    arguments = _arguments(form, command, source.name, sound, Random(0))
    return Case(-1, form, source.name, "none", command, program, arguments, tree, fresh=False)


def _chosen(weights: dict[str, int], rng: Random) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def _arguments(form: str, command: str, source: str, sound: Path, rng: Random) -> tuple[str, ...]:
    """The command line that reads `in/NAME`."""
    broken, is_data = f"in/{NAMES[form]}", form in DATA
    network = str(sound / "functional.keras") if is_data else broken
    data = ("--data", broken if is_data else str(sound / "unlabelled.npz"), "--preprocess", "unit")
    float_model, int8_model = str(sound / "model_float32.tflite"), str(sound / "model_int8.tflite")
    some_data = data if is_data else rng.choice(((), data))
    model = int8_model if is_data else broken
    pair = (model, int8_model) if source == "model_float32.tflite" else (float_model, model)
    return {
        "check": ("check", broken),
        "swap": ("swap", network, "--activation", "relu6", "-o", "swapped.keras", *(data if is_data else ())),
        "export": ("export", network, *data, "--method", "ptq", "--output", "out"),
        "bench": ("bench", *pair, "--runs", "3", *some_data),
        "benchmark.py": (model, "--runs", "3", *some_data, *rng.choice(((), ("--no-load",), ("--workers", "1")))),
        "bundle verify": ("bundle", "verify", broken),
    }[command]


def _broken(form: str, source: Path, rng: Random) -> tuple[str, Tree]:
    """What was done, and the broken file or folder."""
    name = NAMES[form]
    if form in FOLDERS:
        return _folder(name, _tree(source, ""), FOLDERS[form], rng)
    if form in ZIPPED and rng.random() < 0.5:
        mutation, tree = _folder("", _unzipped(source), ZIPPED[form], rng)
        return mutation, {name: packed({key: held for key, held in tree.items() if isinstance(held, bytes)})}
    content = _zipped(source) if source.is_dir() else source.read_bytes()
    return _file(name, content, FILES[form], rng)


def _file(name: str, content: bytes, groups: Groups, rng: Random) -> tuple[str, Tree]:
    group = _chosen({key: weight for key, (weight, _) in groups.items()}, rng)
    mutators = groups[group][1]
    mutation = rng.choice(list(mutators))
    return f"{group}: {mutation}", {name: mutators[mutation](content, rng)}


def _folder(name: str, sound: Tree, mutators: dict[str, TreeMutator], rng: Random) -> tuple[str, Tree]:
    mutation = rng.choice(list(mutators))
    tree = mutators[mutation](sound, rng)
    return mutation, {f"{name}/{key}" if name else key: held for key, held in tree.items()}


def _tree(folder: Path, name: str) -> Tree:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    before = f"{name}/" if name else ""
    return {before + file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def _unzipped(source: Path) -> Tree:
    return _tree(source, "") if source.is_dir() else {**members(source.read_bytes())}


def _zipped(folder: Path) -> bytes:
    return packed({name: held for name, held in _tree(folder, "").items() if isinstance(held, bytes)})


def _config(content: bytes, rng: Random) -> bytes:
    files = members(content)
    return packed({**files, "config.json": mutate_json(files["config.json"], rng)})


def _metadata(content: bytes, rng: Random) -> bytes:
    files = members(content)
    return packed({**files, "metadata.json": mutate_json(files["metadata.json"], rng)})


def _weights(content: bytes, rng: Random) -> bytes:
    files, name = members(content), "model.weights.h5"
    mutators = {key: mutator for key, mutator in HDF5.items() if key != "config"}
    mutator = rng.choice([*mutators.values(), *BYTES.values()])
    return packed({**files, name: mutator(files[name], rng)})


# What is inside a .keras file; its config is what most of a reader's code goes by.
KERAS: dict[str, Mutator] = {
    "config": _config,
    "layers": _config,
    "graph": _config,
    "metadata": _metadata,
    "weights": _weights,
}
Groups = dict[str, tuple[int, dict[str, Mutator]]]
# How a file of each form is broken, and how often so.
FILES: dict[str, Groups] = {
    "keras": {"inside": (6, KERAS), "bytes": (2, BYTES), "zip": (2, ZIP)},
    "h5": {"hdf5": (3, HDF5), "bytes": (2, BYTES)},
    "tflite": {"tflite": (3, TFLITE), "bytes": (2, BYTES)},
    "npz": {"npz": (5, NPZ), "bytes": (1, BYTES), "zip": (2, ZIP)},
    "zip": {"zip": (1, ZIP), "bytes": (1, BYTES)},
    "bundle": {"zip": (1, ZIP), "bytes": (1, BYTES)},
}
FOLDERS = {"saved_model": SAVED_MODEL, "pictures": PICTURES}
# Of every second zip the files are broken and not the zip.
ZIPPED = {"zip": PICTURES, "bundle": BUNDLE}
