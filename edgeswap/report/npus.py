"""What terminal and page say about NPUs, on which nothing ran."""

from __future__ import annotations

from collections.abc import Mapping

from edgeswap.records import EdgeTpuMapping, NpuEstimate
from edgeswap.report.numbers import NBSP, plural


def operators_on(operators: Mapping[str, int], others: Mapping[str, int]) -> str:
    """`23 of 24`: how many operators run somewhere, of those and the `others`."""
    count = sum(operators.values())
    return f"{count} of {count + sum(others.values())}"


def npu_basis(npu: NpuEstimate) -> str:
    """Whose estimates these are."""
    pieces = f", in {plural(npu.npu_pieces, 'piece')}" if npu.npu_pieces > 1 else ""
    return (
        f"{npu.accelerator}: estimated by {npu.compiler} at {npu.clock_hz / 1e6:,.0f}{NBSP}MHz "
        f"({npu.system_config}, {npu.memory_mode}){pieces}; nothing ran there"
    )


def edge_tpu(found: EdgeTpuMapping) -> str:
    """Which operators an Edge TPU runs, and where it hands over to the CPU."""
    text = f"{operators_on(found.tpu_operators, found.cpu_operators)} operators on the Edge TPU, by {found.basis}"
    if found.refused is not None:
        return f"{text}. The Edge TPU compiler rejects this model: {found.refused}"
    if found.leaves_at is None:
        return f"{text}."
    at = found.leaves_at
    where = f" in layer {at.layer}" if at.layer else f" ({at.tensor})" if at.tensor else ""
    ending = "" if at.reason.endswith(".") else "."
    return (
        f"{text}. The Edge TPU hands over to the CPU at {at.operator}{where}: {at.reason}{ending} {at.remedy}".rstrip()
    )
