"""tflite-support, an independent reader of TFLite Metadata, as a program of its own: it wants old dependencies."""

from __future__ import annotations

import ctypes.util
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

REQUIREMENT = "tflite-support==0.4.4"
PROGRAM = """
import json, sys
from tensorflow_lite_support.metadata.cc.python import _pywrap_metadata_version
from tensorflow_lite_support.metadata.python import metadata
found = metadata.MetadataDisplayer.with_model_file(sys.argv[1])
names = found.get_packed_associated_file_list()
files = {name: found.get_associated_file_buffer(name).decode() for name in names}
version = _pywrap_metadata_version.GetMinimumMetadataParserVersion(bytes(found.get_metadata_buffer()))
print(json.dumps([json.loads(found.get_metadata_json()), files, version]))
"""


class Seen(NamedTuple):
    """What it reads in a model; `parser_version` is what it finds that the metadata need."""

    metadata: dict[str, Any]
    files: dict[str, str]
    parser_version: str


class Reader:
    """tflite-support in the folder `packages`."""

    def __init__(self, packages: Path) -> None:
        self.packages = packages

    def read(self, model: Path) -> Seen:
        """The metadata, as JSON by the schema, the files behind the model, and the parser that they need."""
        environment = {**os.environ, "PYTHONPATH": str(self.packages)}
        command = [sys.executable, "-c", PROGRAM, str(model)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return Seen(*json.loads(done.stdout))


def install(cache: Path) -> Reader:
    """The reader, installed into `cache` if it is not there yet."""
    if sys.version_info[:2] != (3, 11) or platform.machine() != "x86_64":
        pytest.skip("tflite-support 0.4.4 has no wheel for this Python and machine")
    if ctypes.util.find_library("usb-1.0") is None:
        pytest.skip("tflite-support needs Debian's libusb-1.0-0")
    packages = cache / "tflite-support-0.4.4"
    if not packages.is_dir():
        staging = cache / f"staging-{os.getpid()}"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"]
        subprocess.run([*command, str(staging), REQUIREMENT], check=True, capture_output=True)
        try:
            staging.rename(packages)
        except OSError:  # another process was faster
            shutil.rmtree(staging)
    return Reader(packages)
