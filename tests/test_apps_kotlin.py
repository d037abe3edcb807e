"""The generated Kotlin, compiled by Kotlin's own compiler with stand-ins for Android's and LiteRT's names.

The stand-in for LiteRT runs no model: it plays back the golden outputs, which a real runtime made. All else of the
self-test is run for real, on Java.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.app_bundle import FAULTS, KINDS, Bundle, bundle, change

pytestmark = pytest.mark.slow
STUBS = Path(__file__).parent / "apps/kotlin"
PACKAGE = "package edgeswap.model\n"


@pytest.fixture(scope="module")
def compiler() -> list[str]:
    """The command of the compiler that `npm install --global kotlin-compiler` brings."""
    if shutil.which("npm") is None or shutil.which("java") is None:
        pytest.skip("no npm or no java here")
    npm = subprocess.run(["npm", "root", "--global"], capture_output=True, text=True, check=True)
    jar = Path(npm.stdout.strip()) / "kotlin-compiler/lib/kotlin-compiler.jar"
    if not jar.is_file():
        pytest.skip("no Kotlin compiler here: npm install --global kotlin-compiler@2.4.20")
    return ["java", "-jar", str(jar), "-Werror", "-no-reflect"]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    folder = tmp_path_factory.mktemp("apps")
    return {kind: bundle(kind, folder / kind) for kind in KINDS}


@pytest.fixture(scope="module")
def program(compiler: list[str], bundles: dict[str, Bundle], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All kinds in one .jar, each in a package of its own name, since the compiler takes seconds to start."""
    folder = tmp_path_factory.mktemp("kotlin")
    for kind, one in bundles.items():
        for file in (one.folder / "android/Model.kt", one.folder / "android/SelfTest.kt", STUBS / "main.kt"):
            source = file.read_text()
            assert source.count(PACKAGE) == 1
            (folder / kind).mkdir(exist_ok=True)
            (folder / kind / file.name).write_text(source.replace(PACKAGE, f"package {kind}\n"))
    stubs = [STUBS / "android.kt", STUBS / "litert.kt"]
    jar = folder / "apps.jar"
    command = [*compiler, "-include-runtime", "-d", jar, *sorted(folder.rglob("*.kt")), *stubs]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return jar


def run(program: Path, kind: str, folder: Path, recorded: Path) -> str:
    command = ["java", "-cp", str(program), f"{kind}.MainKt", str(folder), str(recorded)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("kind", KINDS)
def test_self_test_passes(program: Path, bundles: dict[str, Bundle], kind: str) -> None:
    folder = bundles[kind].folder
    assert run(program, kind, folder, folder / "golden") == "pass: outputs off by at most 0 int8 steps\n"


@pytest.mark.parametrize("fault", FAULTS)
def test_self_test_names_what_differs(program: Path, bundles: dict[str, Bundle], tmp_path: Path, fault: str) -> None:
    shutil.copytree(bundles["classifier"].folder, tmp_path / "bundle")
    change(tmp_path / "bundle", fault)
    assert FAULTS[fault] in run(program, "classifier", tmp_path / "bundle", bundles["classifier"].folder / "golden")


def test_the_compiler_finds_a_wrong_type(compiler: list[str], bundles: dict[str, Bundle], tmp_path: Path) -> None:
    """Else it would pass whatever the templates say."""
    source = (bundles["adder"].folder / "android/Model.kt").read_text()
    (tmp_path / "Model.kt").write_text(source.replace("interpreter.close()", 'interpreter.close("now")'))
    command = [*compiler, "-d", str(tmp_path / "x.jar"), str(tmp_path / "Model.kt"), str(STUBS / "litert.kt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Too many arguments" in done.stderr or "too many arguments" in done.stderr
