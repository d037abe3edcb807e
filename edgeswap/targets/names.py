"""What the names after `--target` mean, off the registry. Nothing here imports TensorFlow."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeswap.errors import ConfigError
from edgeswap.targets import registry
from edgeswap.targets.edgetpu.installed import EDGE_TPU
from edgeswap.targets.registry import TargetKind, kind_of

if TYPE_CHECKING:  # NumPy alone takes longer to import than everything here
    from edgeswap.compatibility.backends import Backend
    from edgeswap.quantization.specification import WeightScales
    from edgeswap.targets.measure import Target

OWN_DELEGATES = ("xnnpack", "none")  # of the runtimes themselves, wherever they run


def require_known(name: str) -> TargetKind:
    """The kind of a `--target`.

    Raises:
        ConfigError: the name is none of a target; the remedy gives the closest.
    """
    kind = kind_of(name)
    if kind is not None and kind.is_target:
        if kind.require_form is not None:
            kind.require_form(name)
        return kind
    kinds = [kind for kind in registry.KINDS if kind.is_target]
    hint = _meant(name, [known for kind in kinds for known in kind.names])
    listed = ", ".join(kind.listed or ", ".join(kind.names) for kind in kinds)
    raise ConfigError(
        f"Expected a target that edgeswap has, got {name!r}.", f"{hint}Known: {listed}; see: edgeswap target list"
    )


def runs_models(name: str) -> bool:
    """Whether models run there, so that there are figures; for an NPU a compiler estimates."""
    return require_known(name).open is not None


def lowered_for(targets: Sequence[str]) -> str:
    """What a candidate is lowered for: the first target, by the names of `edgeswap.tflite.lower`."""
    return require_known(targets[0]).lowered_for


def dense_scales_for(delegate: str | None) -> WeightScales:
    """How many scales the weights of a dense layer may have where the candidate is to run.

    Runtimes of TFLite 2.9 and before, and perhaps the Edge TPU's compiler of the same age, compute nonsense from one
    scale for each unit. tflite-runtime 2.14 and ai-edge-litert compute it rightly (measured), so every other target has
    it; Vela 5.2 packs one scale for each output of a dense layer, as of a convolution.
    """
    return "per-tensor" if delegate == EDGE_TPU else "per-channel"


def backend_of(name: str) -> Backend:
    """What runs operators where a `--target` of `edgeswap check` points.

    Raises:
        ConfigError: none is called so, or it is an `ssh://` that is no address.
    """
    kind = kind_of(name)
    if kind is not None and kind.backend is not None:
        if kind.require_form is not None:
            kind.require_form(name)
        return kind.backend(name)
    known = [known for kind in registry.KINDS if kind.backend is not None for known in kind.names]
    raise ConfigError(
        f"Expected a target that edgeswap can check for, got {name!r}.",
        f"{_meant(name, known)}Known are: {', '.join(known)}.",
    )


def _meant(name: str, known: Sequence[str]) -> str:
    """The nearest name as a question, with a space behind it; empty where none is near."""
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"Did you mean {close[0]!r}? " if close else ""


def require_usable(targets: Sequence[str], delegate: str | None) -> None:
    """Refuse targets that cannot be meant together, or a delegate where it cannot be.

    Raises:
        ConfigError: a target is named twice or unknown, no target runs models, or one cannot take the delegate.
    """
    kinds = {name: require_known(name) for name in targets}
    if not targets or len(kinds) != len(targets):
        raise ConfigError(f"Expected each target once, got {list(targets)}.", "Name every --target one time.")
    if all(kind.open is None for kind in kinds.values()):
        raise ConfigError(
            f"Expected a target that runs the models beside {targets[0]}, for which a compiler only estimates.",
            "Add --target host: accuracy is measured there.",
        )
    if delegate in (None, *OWN_DELEGATES):
        return
    for name, kind in kinds.items():
        if kind.open is not None and kind.delegates is None:
            takers = [taker.prefix or ", ".join(taker.names) for taker in registry.KINDS if taker.delegates]
            raise ConfigError(
                f"Expected {' or '.join(takers)} for --delegate {delegate}, got {name}, which has no such device.",
                "Leave out one of the two.",
            )


def require_compiled_model(targets: Sequence[str], delegate: str | None) -> None:
    """Refuse targets and delegates that LiteRT's CompiledModel, as `--api compiled`, does not go with.

    Raises:
        ConfigError: a target runs models by an interpreter alone, or the delegate is none of the runtime's own.
    """
    for name in targets:
        if runs_models(name) and not require_known(name).compiled_model:
            takers = [kind.prefix or ", ".join(kind.names) for kind in registry.KINDS if kind.compiled_model]
            raise ConfigError(
                f"Expected {' or '.join(takers)} for --api compiled, got {name}, whose runtimes lack CompiledModel.",
                "Leave out one of the two.",
            )
    if delegate not in (None, *OWN_DELEGATES):
        raise ConfigError(
            f"Expected --delegate xnnpack or none for --api compiled, got {delegate}.",
            "Leave out --api compiled: CompiledModel takes no delegate's library.",
        )


def open_targets(names: Sequence[str], *, keep: bool = False) -> list[Target]:
    """Where models run, in order: an emulated Pi is two, one for each runtime; an NPU is none.

    Args:
        names: of `require_usable`.
        keep: leave on boards what was carried there.
    """
    openers = [(name, require_known(name).open) for name in names]
    return [target for name, opener in openers if opener is not None for target in opener(name, keep)]
