"""bundle push: against a server of our own that speaks as much of the Hub as the client uses (tests/hub_server.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeswap.bundle import hub as pushing
from edgeswap.bundle.hub import push, require_pushable
from edgeswap.bundle.hub_card import hub_card, pipeline_tag
from edgeswap.errors import ConfigError, OutputError, VerificationError
from tests.bundles import InProcess, adder_bundle, contents, image_bundle, manifest, packed_again
from tests.conftest import Ran
from tests.hub_server import TOKEN, Hub, hub


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A Hub, its token in the environment, and no other."""
    from huggingface_hub import constants

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with hub() as made:
        yield made


def card_of(text: bytes) -> tuple[dict[str, Any], str]:
    empty, data, body = text.decode().split("---\n", 2)
    assert not empty
    return yaml.safe_load(data), body


@pytest.mark.slow
def test_a_bundle_becomes_a_repository(server: Hub, place: Path, edgeswap: Callable[..., Ran]) -> None:
    bundle = image_bundle(place)
    (place / "bundle.zip").write_bytes(bundle)
    ran = edgeswap("bundle", "push", "zoe/digits", "bundle.zip", "--endpoint", server.endpoint, "--private", "--json")
    assert ran.code == 0, ran.stderr
    done = json.loads(ran.stdout)
    assert (done["repository"], done["url"]) == ("zoe/digits", f"{server.endpoint}/zoe/digits")
    assert server.visibility == {"zoe/digits": "private"}

    held, files = server.repositories["zoe/digits"], contents(bundle)
    assert sorted(held) == done["files"] == ["README.md", "bundle.zip", "labels.txt", "model.json", "model.tflite"]
    assert held["bundle.zip"] == bundle
    for name in ("model.tflite", "labels.txt", "model.json"):
        assert held[name] == files[name]
    assert len(server.uploaded) == 2  # by Git LFS

    data, body = card_of(held["README.md"])
    assert files["MODEL_CARD.md"].decode().strip() in body
    assert (data["library_name"], data["pipeline_tag"]) == ("litert", "image-classification")
    assert data["license"] == "apache-2.0"
    (index,) = data["model-index"]
    (result,) = index["results"]
    assert index["name"] == "tiny"
    assert result["task"] == {"type": "image-classification", "name": "classification"}
    assert result["dataset"] == {"type": "photos", "name": "photos", "split": "test"}  # without the folders it lay in
    (metric,) = result["metrics"]
    assert (metric["type"], metric["value"]) == ("accuracy", 0.75)
    assert metric["name"] == "top1 of the int8 model on 30 test samples"

    again = edgeswap("bundle", "push", "zoe/digits", "bundle.zip", "--endpoint", server.endpoint)
    assert again.code == 0, again.stderr
    assert f"Repository: {server.endpoint}/zoe/digits" in again.stdout
    assert len(server.uploaded) == 2  # what lies there is not sent again


def test_a_new_repository_is_public_unless_asked_otherwise(server: Hub, tmp_path: Path) -> None:
    (tmp_path / "bundle.zip").write_bytes(image_bundle(tmp_path))
    push(tmp_path / "bundle.zip", "zoe/digits", [InProcess()], endpoint=server.endpoint)
    assert server.visibility == {"zoe/digits": None}


@pytest.mark.rare
def test_the_endpoint_may_stand_in_the_environment(server: Hub, tmp_path: Path) -> None:
    """The client reads HF_ENDPOINT as it is imported: hence a process of its own."""
    (tmp_path / "bundle.zip").write_bytes(image_bundle(tmp_path))
    environment = {**os.environ, "HF_ENDPOINT": server.endpoint, "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-m", "edgeswap.cli", "bundle", "push", "zoe/digits", str(tmp_path / "bundle.zip")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "zoe/digits" in server.repositories


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "zoe/", "/digits", "a/b/c", "zoe/di gits", "zoe/../x", "https://x/y", ""])
def test_a_name_that_is_none(name: str, server: Hub) -> None:
    with pytest.raises(ConfigError, match="Expected the name of a repository"):
        require_pushable(name)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "installed_version", lambda _: None)
    with pytest.raises(OutputError, match="huggingface-hub") as raised:
        require_pushable("zoe/digits")
    assert raised.value.remedy == "Run: pip install 'edgeswap[hub]'"


def test_a_token_is_asked_for_once_the_bundle_has_verified(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    files = contents(image_bundle(tmp_path))
    (tmp_path / "bad.zip").write_bytes(packed_again({**files, "labels.txt": b"one\n"}, keep_sums=True))
    with pytest.raises(VerificationError):
        push(tmp_path / "bad.zip", "zoe/digits", [InProcess()], endpoint=server.endpoint)
    (tmp_path / "bundle.zip").write_bytes(image_bundle(tmp_path))
    with pytest.raises(OutputError, match=f"Expected a token of the Hugging Face Hub at {server.endpoint} ") as raised:
        push(tmp_path / "bundle.zip", "zoe/digits", [InProcess()], endpoint=server.endpoint)
    assert raised.value.remedy == "Set HF_TOKEN, or run: hf auth login"


def test_a_bundle_that_does_not_verify_is_not_pushed(server: Hub, tmp_path: Path) -> None:
    files = contents(image_bundle(tmp_path))
    (tmp_path / "bundle.zip").write_bytes(packed_again({**files, "labels.txt": b"one\n"}, keep_sums=True))
    with pytest.raises(VerificationError, match=r"got 'bundle.zip' with: files: labels.txt: changed"):
        push(tmp_path / "bundle.zip", "zoe/digits", [InProcess()], endpoint=server.endpoint)
    assert not server.repositories


@pytest.mark.slow
@pytest.mark.parametrize(
    "refused",
    [("zoe/digits", "wrong", "Invalid username or password"), ("others/digits", TOKEN, "You don't have the rights")],
)
def test_the_hub_s_own_words_are_told(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: tuple[str, str, str]
) -> None:
    name, token, said = refused
    monkeypatch.setenv("HF_TOKEN", token)
    (tmp_path / "bundle.zip").write_bytes(image_bundle(tmp_path))
    with pytest.raises(OutputError, match=said):
        push(tmp_path / "bundle.zip", name, [InProcess()], endpoint=server.endpoint)


def test_no_hub_there(server: Hub, tmp_path: Path) -> None:
    (tmp_path / "bundle.zip").write_bytes(image_bundle(tmp_path))
    with pytest.raises(OutputError, match=r"Hub at http://127.0.0.1:9 did not take zoe/digits: ") as raised:
        push(tmp_path / "bundle.zip", "zoe/digits", [InProcess()], endpoint="http://127.0.0.1:9")
    assert raised.value.problem.count("refused") == 1
    assert "--endpoint" in raised.value.remedy


def test_a_card_without_results_and_with_a_licence_of_its_own(tmp_path: Path) -> None:
    said = manifest(adder_bundle(tmp_path)).model_copy(update={"results": None, "licence": "Zoë's Own 1.0"})
    data, _ = card_of(hub_card(said, "# Card").encode())
    assert "model-index" not in data
    assert "pipeline_tag" not in data
    assert (data["license"], data["license_name"]) == ("other", "zo-s-own-1.0")
    assert "license" not in card_of(hub_card(said.model_copy(update={"licence": ""}), "# Card").encode())[0]


def test_the_task_is_told_by_what_the_model_takes(tmp_path: Path) -> None:
    assert pipeline_tag(manifest(adder_bundle(tmp_path))) == "tabular-classification"
    images = manifest(image_bundle(tmp_path))
    results = images.results
    assert results is not None
    of = {task: images.model_copy(update={"results": results.model_copy(update={"task": task})}) for task in TASKS}
    assert {task: pipeline_tag(said) for task, said in of.items()} == TASKS


TASKS = {"segmentation": "image-segmentation", "detection": "object-detection", "regression": None, "outputs": None}


@pytest.mark.slow
def test_nothing_needs_the_hub_s_client_until_something_is_pushed() -> None:
    code = "import sys; import edgeswap.bundle.hub; sys.exit('huggingface_hub' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
