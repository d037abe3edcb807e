"""What all tests share: a quiet TensorFlow, the shared data folder, and no silent skip on CI."""

from __future__ import annotations

import gc
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes tells of the machine's load, not of the code.
settings.register_profile("edgeswap", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgeswap")
# On CI the examples are the same in every run of the same test: a change is judged by itself, not by luck.
settings.register_profile("ci", settings.get_profile("edgeswap"), derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:  # as many workers as cores: threads beside them only waited for each other
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

# No test sees the run store of a user or of another test: each has its own (`_own_store`), and what is exported for
# a whole module has one of this run.
_SESSION_STORE = tempfile.TemporaryDirectory(prefix="edgeswap-tests-store-")
os.environ["EDGESWAP_CACHE_DIR"] = _SESSION_STORE.name

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run store of the test's own, so that no result of another test stands for one that this test is about."""
    monkeypatch.setenv("EDGESWAP_CACHE_DIR", str(tmp_path_factory.getbasetemp() / f"store-{secrets.token_hex(8)}"))


@pytest.fixture(autouse=True)
def _own_flatbuffers() -> None:
    """What `edgeswap.tflite.flatbuffer.read` keeps is of this test alone: tests break what nobody else changes."""
    module = sys.modules.get("edgeswap.tflite.flatbuffer")
    if module is not None:
        module.forget()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photographs and published models: EDGESWAP_SHARED, or `../shared` beside the checkout."""
    folder = Path(os.environ.get("EDGESWAP_SHARED", CHECKOUT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared data folder at {folder}; set EDGESWAP_SHARED")
    return folder


class Ran(NamedTuple):
    """What one command did."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with a folder of its own for temporary files beside it."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return work


@pytest.fixture
def edgeswap(place: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command line in this process, which has TensorFlow already, in `place`."""
    import edgeswap.commands.from_scratch  # noqa: F401  (its seconds would be announced on stderr)
    from edgeswap.cli.main import run

    def command(*arguments: object) -> Ran:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        return Ran(code, *capfd.readouterr())

    return command


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny trained network in each kind of file, `train.npz` and `test.npz`."""
    from edgeswap.frameworks import keras, tf_keras
    from tests.models import classifier, write_npz

    folder = tmp_path_factory.mktemp("tiny")
    model = classifier(keras)
    model.save(folder / "tiny.keras")
    model.save_weights(folder / "only.weights.h5")
    old = classifier(tf_keras, rescaling=True)
    old.save(folder / "old.h5")
    old.save(folder / "old.keras")
    for part in ("train", "test"):
        write_npz(folder / f"{part}.npz", part)
    return folder


@pytest.fixture(scope="session")
def digits_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network of the built-in example, trained as `edgeswap export` trains it, in a .keras file."""
    from edgeswap.data.load import load
    from edgeswap.model.zoo import digits
    from edgeswap.training import digits_recipe as recipe

    data = load("digits", input_shapes={"x": (8, 8, 1)}, classes=10)
    file = tmp_path_factory.mktemp("digits") / "digits.keras"
    recipe.train(digits.build("swish", seed=0), data, seed=0).save(file)
    return file


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a disk of a given size, such as `64k`, on a folder of its own."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("no mount here")
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    from edgeswap.model import rehearsal

    rehearsal._child.end()  # which may have a file open on that disk
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


# The files that take minutes. They begin: left to the end, one of them kept a worker busy while the others had nothing
# to do, and xdist begins with the files of many tests, which are the quick ones.
LONG = ("replicas", "pipeline", "sweep_exports", "hostile", "any_network", "emulator", "checkpoint", "documents_run",
        "convert", "apps_kotlin", "activation_layers", "predicted_operators", "apps_cpp", "stored", "api")  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put `LONG` first, in its order; all others stay as they were."""
    places = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config) -> None:
    """Let xdist keep that order; it has its own scheduler for the rest."""
    config.option.loadscopereorder = False


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect no garbage while test files are imported: looking for it took a fifth of the time."""
    from edgeswap.forks import without_collections

    with without_collections():
        return (yield)


def pytest_collection_finish() -> None:
    """Leave what the imports made out of collections of garbage: each of those took a third of a second."""
    gc.collect()
    gc.freeze()


def _must_not_be_skipped(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    """Skipped tests, where the run is CI's; only a test that needs a board (`device`) may be skipped there."""
    if not os.environ.get("CI"):
        return []
    return [report for report in reporter.stats.get("skipped", []) if "device" not in getattr(report, "keywords", ())]


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and _must_not_be_skipped(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if skipped := _must_not_be_skipped(terminalreporter):
        terminalreporter.section("skipped on CI, which counts as failed", red=True)
        for report in skipped:
            terminalreporter.line(report.nodeid)


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """A run started in the background inherits an ignored SIGINT; tests of Ctrl-C begin as in a terminal."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
