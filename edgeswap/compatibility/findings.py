"""What `edgeswap check` finds in a model for each target: records of numbers and names, never formatted text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, Field

from edgeswap.records import Activations, Record
from edgeswap.tflite.kind import Kind

Severity = Literal["blocks", "costs", "note"]
FACT = "the model itself"  # a basis
SEVERITIES: tuple[Severity, ...] = ("blocks", "costs", "note")  # gravest first


@dataclass(frozen=True)
class Remark:
    """What a table says against an operator.

    Attributes:
        severity: as in a finding.
        why: one sentence.
        instead: the remedy in one sentence, or empty.
        basis: the source: a measurement, a published table, or an estimate.
        scope: `operator`: the operator runs elsewhere, in int8; `model`: the target rejects the whole model.
        cut: one sentence more, for an operator between others that the target's accelerator runs; or empty.
    """

    severity: Severity
    why: str
    instead: str
    basis: str
    scope: Literal["operator", "model"] = "operator"
    cut: str = ""


class Finding(Record):
    """One finding about a model on a target; layers with the same problem share it."""

    severity: Severity = Field(description="blocks: no int8 on this target; costs: int8, but slower or less exact")
    what: str
    why: str
    instead: str = Field(description="what to write or do instead; empty if nothing helps")
    certain: bool = Field(default=True, description="false: an estimate that depends on the layers around")
    basis: str = Field(description="the source: a measurement, a published table, or an estimate")
    layers: list[str] = Field(description="Keras layers; for a .tflite, those in the names of its tensors")
    operators: list[str] = Field(default=[], description="the TFLite operators concerned")
    tensors: list[str] = Field(default=[], description="for a .tflite: the tensors that these operators write")


class ActivationUse(Record):
    """One activation of a Keras model on one target."""

    activation: str
    layers: list[str]
    operators: list[str] = Field(description="the TFLite operators; empty if it is fused into the operator before")
    bounds: tuple[float | None, float | None] = Field(
        description="null: no bound on this side, so calibration sets the endpoint"
    )
    severity: Severity | None = Field(description="the gravest finding about its operators; null if there is none")
    suggestion: str | None = Field(description="the nearest activation without a finding; null if not needed")


class ExpectedGain(Record):
    """Instructions of one inference, by a table of operators; they are not milliseconds."""

    float32_instructions: float
    int8_instructions: float
    ratio: float = Field(description="float32_instructions divided by int8_instructions")
    core: str = Field(description="of the CPU, such as Cortex-A72")
    dot_products: bool = Field(description="whether the CPU has instructions for dot products of int8")
    not_counted: list[str] = Field(description="operators that are not in the table; counted for neither")
    basis: str = Field(description="what was measured")


class TargetCheck(Record):
    """A model on one target."""

    target: str
    basis: str = Field(description="the source of the rules")
    operators: dict[str, int] = Field(description="number of operators for each name; an estimate for a Keras model")
    leaves_at: str | None = Field(description="where an accelerator that takes one piece hands over to the CPU")
    activations: list[ActivationUse]
    findings: list[Finding]
    gain: ExpectedGain | None = Field(
        default=None, description="what int8 gains over float32 there; null where no table of that target is known"
    )
    passed: bool = Field(description="whether no finding blocks")


class TaskLabels(Record):
    """A task that a model can have, and what it needs for it."""

    task: str = Field(description="as for --task")
    labels: str = Field(description="what its labels are")
    option: str | None = Field(default=None, description="an option that it needs; null if none")


class LikelyTask(Record):
    """What a model is taken for where there are no labels, and for what else with labels."""

    task: str | None = Field(description="as for --task; null if two tasks fit, so that --task must say which")
    reason: str
    metric: str | None = Field(description="the primary metric; null if there is no task")
    needs: list[str] = Field(description="what is missing for the metric")
    others: list[TaskLabels] = Field(description="the tasks that it can have with labels, or that --task can name")


class CheckReport(Record):
    """The output of `edgeswap check --json`."""

    schema_: Literal["edgeswap.check/1"] = Field(default="edgeswap.check/1", alias="schema")
    edgeswap: str
    model: str
    form: Literal["keras", "tflite"]
    kind: Kind | None = Field(default=None, description="the kind of numbers in a .tflite; null for a Keras model")
    activations: Activations | None = Field(default=None, description="the requested swap; null if none")
    export: LikelyTask | None = Field(
        default=None, description="what `export` does with a Keras model; null for a .tflite, or if a size is free"
    )
    bench: LikelyTask | None = Field(
        default=None, description="what `bench` does with a .tflite; null for a Keras model"
    )
    targets: list[TargetCheck]
    passed: bool

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
