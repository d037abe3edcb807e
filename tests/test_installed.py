"""Versions of installed packages, off the names of their folders."""

from __future__ import annotations

from importlib import metadata

import pytest

from edgeswap.system.installed import installed_version


@pytest.mark.parametrize("package", ["ai-edge-litert", "Ai_Edge.LiteRT", "tf_keras", "pytest", "pip"])
def test_it_says_what_importlib_says(package):
    assert installed_version(package) == metadata.version(package)


def test_none_is_installed():
    assert installed_version("a-package-of-nobody") is None


def test_a_place_on_the_path_that_is_none(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "our_own-1.2.dist-info").mkdir()
    monkeypatch.setattr("sys.path", [str(tmp_path / "none"), str(tmp_path / "file"), str(tmp_path)])
    assert installed_version("our-own") == "1.2"
