"""What an earlier run found out about a model file: enough to open samples for it, and that it could be loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgeswap.model.file_digest import sha256
from edgeswap.store.run_store import MadeOf, RunStore
from edgeswap.tasks.outputs import ModelOutput, Signature

EXAMPLE = "digits"
_FACTS = "facts.json"


def model_digest(model: Any) -> str | None:
    """What tells a model without reading it: SHA-256 of a file, a word for the example; None for a Python object.

    Raises:
        OSError: there is no such file.
    """
    if model is None:
        return EXAMPLE
    return sha256(Path(model)) if isinstance(model, (str, Path)) else None


def model_facts(digest: str) -> MadeOf:
    """The facts of a model file that holds no code of its own; the example's do not depend on its weights."""
    return MadeOf("facts of a model", {"model": digest}, "")


class FactsForm:
    """What a model takes and gives, and whether it maps pixels itself, as JSON."""

    def write(self, value: tuple[Signature, bool], folder: Path) -> None:
        """The one file."""
        signature, takes_raw_pixels = value
        outputs = [[output.name, output.shape, output.head, output.also] for output in signature.outputs]
        facts = {"inputs": dict(signature.inputs), "outputs": outputs, "takes_raw_pixels": takes_raw_pixels}
        (folder / _FACTS).write_text(json.dumps(facts))

    def read(self, folder: Path) -> tuple[Signature, bool]:
        """What was written."""
        facts = json.loads((folder / _FACTS).read_bytes())
        outputs = [ModelOutput(name, tuple(shape), head, tuple(also)) for name, shape, head, also in facts["outputs"]]
        inputs = {name: tuple(shape) for name, shape in facts["inputs"].items()}
        return Signature(inputs, tuple(outputs)), facts["takes_raw_pixels"]


FACTS = FactsForm()


def find_facts(store: RunStore, model: Any) -> tuple[Signature, bool] | None:
    """The signature of a model file, and whether it maps pixels itself; None where no earlier run loaded this file."""
    digest = model_digest(model)
    return None if digest is None else store.find(store.key(model_facts(digest)), FACTS)


def keep_facts(store: RunStore, model: Any, signature: Signature, *, takes_raw_pixels: bool) -> None:
    """Keep them for later runs."""
    digest = model_digest(model)
    if digest is not None:
        store.keep(store.key(model_facts(digest)), FACTS, (signature, takes_raw_pixels))
