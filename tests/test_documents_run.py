"""Every command and snippet of README.md, docs/ and examples/ runs, or its page says why it cannot run here.

Each page is read as a person would: in a folder of its own that holds what the text names, block by block in order.
What is made smaller is said here, at `SETTINGS`, `STANDS_FOR_DIGITS` and `SMALLER`; nothing else is changed.
An export takes some seconds of a core however small it is, and the pages hold 31 and four sweeps. So CI runs README.md,
and of all other pages what `test_documents.py` and the fast tests here tell: every block is known, parses and compiles.
Run them all by `pytest -m rare tests/test_documents_run.py`, as before a release.
"""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.document_blocks import PAGES, ROOT, Block, blocks, runnable
from tests.test_documents import parse

# One epoch instead of three; a network of two layers in place of the built-in example, for time alone.
SETTINGS = "[tool.edgeswap.export]\nepochs = 1\nrecover-epochs = 1\nallow-chance = true\n"
STANDS_FOR_DIGITS = ["tiny.keras", "--data", "train.npz", "--test-data", "test.npz", "--preprocess", "unit"]
# The environment of the tests stands for the one that these make: it has edgeswap and its extras.
INSTALLS = re.compile(r"(python3\.11 -m venv|(\.venv/bin/)?pip install|\. \.venv/bin/activate)\b")
ALWAYS = {"README.md"}  # the tutorial takes twice as long: it trains, and runs two emulated runtimes
# A fifth of the samples and a tenth of the epochs; each emulated runtime is given fewer samples.
SMALLER = {"x[:2400]": "x[:480]", "y[:2400]": "y[:480]", "x[2400:]": "x[480:]", "y[2400:]": "y[480:]",
           "rng.integers(0, 3, 3000)": "rng.integers(0, 3, 600)", "epochs=10": "epochs=1"}  # fmt: skip
EMULATED = {"bench": ["--samples", "8"], "export": ["--target-samples", "8"]}


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


ALL = [block for page in PAGES for block in runnable(page)]


def test_every_block_has_a_language_that_is_known() -> None:
    assert {block.language for page in PAGES for block in blocks(page)} <= {"sh", "python", "text", "mermaid"}
    assert len(ALL) > 70


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_fence_was_found(page: Path) -> None:
    """Else a block with an uncommon fence would neither run nor be missed."""
    fences = re.findall(r"^\s*(?:```|~~~)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(blocks(page))


@pytest.mark.parametrize("block", [block for block in ALL if block.not_run], ids=str)
def test_what_is_not_run_says_why_and_would_parse(block: Block) -> None:
    assert block.not_run.startswith(("it needs a ", "it needs an ", "CI runs it"))
    for _, words in block.commands():
        if Path(words[0]).name == "edgeswap":
            parse(words[1:])
        elif words[:2] == ["docker", "run"]:
            parse(words[words.index("edgeswap") + 1 :])


@pytest.mark.parametrize("block", [block for block in ALL if block.language == "python"], ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


def test_extras_that_are_to_be_installed_exist() -> None:
    known = re.findall(r"^(\S+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    asked = [extra for block in ALL for extra in re.findall(r"(?:edgeswap|'\.)\[(\w+)\]", block.text)]
    assert {"test", "hub", "ray", "mlflow"} <= set(asked) <= set(known)


def test_a_mark_is_read_and_a_block_without_one_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.document_blocks.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "1. One:\n\n    <!-- not run: it needs a board -->\n    ```sh\n    A=b edgeswap check x \\\n"
        "        --json\n    ```\n\nSave it as `a.py`:\n\n```python\nx = 1\n```\n"
    )
    first, second = runnable(page)
    assert (first.not_run, first.line, list(first.commands())) == (
        "it needs a board",
        4,
        [({"A": "b"}, ["edgeswap", "check", "x", "--json"])],
    )
    assert (second.not_run, second.file, second.text) == ("", "a.py", "x = 1\n")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The run store that the pages share, so that one training serves many of them."""
    return str(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory, tiny: Path, store: str) -> Path:
    """A folder with everything that pages name: a model, arrays, folders of images, and an export in `out`."""
    folder = tmp_path_factory.mktemp("named")
    for model in ("tiny", "model", "shapes"):
        shutil.copy(tiny / "tiny.keras", folder / f"{model}.keras")
    for part in ("train", "test"):
        shutil.copy(tiny / f"{part}.npz", folder)
    shutil.copy(tiny / "train.npz", folder / "data.npz")
    for part, place in (("train", "photos"), ("test", "test")):
        arrays = np.load(tiny / f"{part}.npz")
        for number, (image, label) in enumerate(zip(arrays["x"], arrays["y"], strict=True)):
            path = folder / place / str(label) / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).save(path)
        shutil.make_archive(str(folder / place), "zip", folder / place)
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pyproject.toml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("EDGESWAP_CACHE_DIR", store)
        run(["export", *STANDS_FOR_DIGITS, "--output", "out"], folder)  # as the first command of README.md
    return folder


def any_network(folder: Path) -> None:
    """Five small networks with their samples, untrained: what is shown is the commands."""
    from edgeswap.frameworks import keras

    layers, rng = keras.layers, np.random.default_rng(0)
    x = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)

    def write(file: str, *heads: Callable[[Any], Any]) -> None:
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 3))
        features = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
        outputs = [head(features) for head in heads]
        keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0]).save(folder / file)

    def pooled(width: int, activation: str, title: str) -> Callable[[Any], Any]:
        return lambda features: layers.Dense(width, activation=activation, name=title)(
            layers.GlobalAveragePooling2D()(features)
        )

    for file in ("model.keras", "corner.keras"):
        write(file, pooled(2, "linear", "corner"))
    write("seg.keras", layers.Conv2D(3, 1, activation="softmax", name="map"))
    write("ae.keras", layers.Conv2D(3, 1, activation="sigmoid", name="again"))
    write("det.keras", pooled(4, "sigmoid", "box"), pooled(1, "sigmoid", "score"))
    write("two.keras", pooled(2, "linear", "center"), pooled(3, "softmax", "kind"))
    np.savez(folder / "corner.npz", x=x, y=rng.normal(size=(40, 2)))
    np.savez(folder / "plain.npz", x=x)
    for place in ("scenes/images", "scenes/masks", "coco/images"):
        (folder / place).mkdir(parents=True)
    for number, pixels in enumerate(x):
        Image.fromarray(pixels).save(folder / f"scenes/images/{number}.png")
        Image.fromarray(pixels).save(folder / f"coco/images/{number}.png")
        Image.fromarray(rng.integers(0, 3, (8, 8), dtype=np.uint8)).save(folder / f"scenes/masks/{number}.png")
    numbers = range(len(x))
    import json

    coco = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 8, "height": 8} for n in numbers],
        "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16} for n in numbers],
        "categories": [{"id": 1, "name": "thing"}],
    }
    (folder / "coco/boxes.json").write_text(json.dumps(coco))
    (folder / "metrics.py").write_text(
        "import numpy as np\n\n\ndef far_off(outputs, labels):\n    return np.abs(outputs[0] - labels).max(axis=1)\n"
    )


def custom_layers(folder: Path) -> None:
    """The model that the two files of the page belong to."""
    import importlib

    from edgeswap.frameworks import keras
    from tests.models import classifier

    sys.path.insert(0, str(folder))
    try:
        halved = importlib.import_module("halved")
    finally:
        sys.path.remove(str(folder))
    classifier(keras, extra=halved.Halved(name="halved")).save(folder / "model.keras")


def keras_3(folder: Path) -> None:
    """Photographs of five classes; MobileNetV2 is calibrated, as training it in int8 takes minutes."""
    shutil.rmtree(folder / "photos")
    rng = np.random.default_rng(0)
    for number in range(60):
        path = folder / "photos" / ("test" if number % 3 else "train") / "abcde"[number % 5] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)).save(path)
    (folder / "pyproject.toml").write_text(f'{SETTINGS}method = "ptq"\n')


def exports(*names: str) -> Callable[[Path], None]:
    """A page that begins where exports have written these folders."""

    def prepare(folder: Path) -> None:
        for name in names:
            shutil.copytree(folder / "out", folder / name)

    return prepare


def qat_model(folder: Path) -> None:
    """An export with the fake-quant model beside it."""
    shutil.rmtree(folder / "out")
    run(["export", *STANDS_FOR_DIGITS, "--save-qat", "--output", "out"], folder)


PREPARED: dict[str, Callable[[Path], None]] = {
    "docs/how-to/any-network.md": any_network,
    "docs/how-to/custom-layers.md": custom_layers,
    "docs/how-to/keras-3.md": keras_3,
    "docs/how-to/qat-and-recovery.md": qat_model,
    "docs/how-to/read-the-report.md": exports("relu6", "hard_swish", "as_it_is"),
    "docs/scripts.md": exports("out_a", "out_b"),
}


def begins_with_an_export(page: Path) -> bool:
    """Whether a page reads `out` before one of its own commands writes it; else it would find the folder taken."""
    for block in runnable(page):
        for _, words in block.commands() if block.language == "sh" and not block.not_run else ():
            if (
                "export" in words[:2]
                and (words[words.index("--output") + 1] if "--output" in words else "out") == "out"
            ):
                return False
            if any(word == "out" or word.startswith("out/") for word in words):
                return True
        if block.language == "python" and '"out/' in block.text:
            return True
    return False


def names_of_a_page(folder: Path) -> dict[str, Any]:
    """What snippets take as given: a model, samples `x` with labels `y`, and some samples prepared for it."""
    from edgeswap.frameworks import keras

    arrays = np.load(folder / "train.npz")
    return {
        "model": keras.models.load_model(folder / "tiny.keras"),
        "x": arrays["x"],
        "y": arrays["y"],
        "samples": (arrays["x"][:50] / 255).astype(np.float32),
    }


def run(words: list[str], folder: Path) -> None:
    """A command of edgeswap in this process, which has TensorFlow already."""
    from edgeswap.cli.main import run as run_command

    if words[0] in ("export", "sweep") and not (folder / "edgeswap.toml").exists():
        given = [word for word in words[1:] if word.endswith(".keras")]
        words = words if given else [words[0], *STANDS_FOR_DIGITS, *words[1:]]
    if any(word.startswith("emulator:") for word in words):
        words = [*words, *EMULATED.get(words[0], [])]
    # What is trained so little may miss a limit, which is a verdict and no fault of the command.
    allowed = (0, 3) if "--max-drop" in words else (0,)
    assert run_command(words) in allowed, words


def run_block(block: Block, folder: Path, names: dict[str, Any]) -> None:
    if block.file:
        (folder / block.file).write_text(smaller(block))
    elif block.language == "python":
        if not names:
            names.update(names_of_a_page(folder))
        if block.page == "README.md":
            block = replaced(block)
        exec(compile(block.text, str(block), "exec"), names)
    else:
        for environment, words in block.commands():
            if INSTALLS.match(" ".join(words)):
                continue
            if Path(words[0]).name == "edgeswap":
                run(words[1:], folder)
            elif words[0] == "python":
                run_script(words[1:])
            else:
                subprocess.run(["bash", "-c", block.text], check=True, env={**os.environ, **environment}, timeout=60)


def smaller(block: Block) -> str:
    text = block.text
    for large, small in SMALLER.items() if block.page == "docs/tutorial.md" else ():
        assert large in text
        text = text.replace(large, small)
    return text


def run_script(words: list[str]) -> None:
    """A script of the page, in this process as well."""
    code = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", words)
        try:
            runpy.run_path(words[0], run_name="__main__")
        except SystemExit as ended:
            code = ended.code
    assert not code, words


def replaced(block: Block) -> Block:
    """A board, and files that the page has no commands for."""
    import dataclasses

    text = block.text.replace('target=["host", "ssh://pi@board"]', 'target=["host"]')
    assert text != block.text
    for named, there in (("a.tflite", "out/model_float32.tflite"), ("b.tflite", "out/model_int8.tflite")):
        text = text.replace(f'"{named}"', f'"{there}"')
    return dataclasses.replace(block, text=text)


def marks(page: Path) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow, *([] if name(page) in ALWAYS else [pytest.mark.rare])]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=marks(page), id=name(page))
        for page in PAGES
        if any(not block.not_run for block in runnable(page))
    ],
)
def test_a_page_runs(page: Path, named: Path, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "work"
    shutil.copytree(named, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("webbrowser.open", lambda address: True)
    if name(page) != "docs/how-to/run-store.md":  # which empties its store; the others share their trainings
        monkeypatch.setenv("EDGESWAP_CACHE_DIR", store)
    prepare, names = PREPARED.get(name(page)), {}
    taken = not begins_with_an_export(page)
    for block in runnable(page):
        if block.not_run:
            continue
        if prepare and not block.file:
            prepare(folder)
            prepare = None
        if taken and not block.file:
            shutil.rmtree(folder / "out")
            taken = False
        run_block(block, folder, names)
