"""What `edgeswap check` says of a model, target by target: records of numbers and names, never formatted text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, Field

from edgeswap.records import Activations, Record
from edgeswap.tflite.kind import Kind

Severity = Literal["blocks", "costs", "note"]
SEVERITIES: tuple[Severity, ...] = ("blocks", "costs", "note")  # gravest first


@dataclass(frozen=True)
class Remark:
    """What a table says against an operator.

    Attributes:
        severity: as in a finding.
        why: one sentence.
        instead: what to write instead, one sentence, or nothing.
        basis: what it rests on.
        scope: `operator`: it runs elsewhere, in int8; `model`: the whole model is refused.
    """

    severity: Severity
    why: str
    instead: str
    basis: str
    scope: Literal["operator", "model"] = "operator"


class Finding(Record):
    """One thing that a target makes of a model; layers that share it share a finding."""

    severity: Severity = Field(description="blocks: not int8 on that target; costs: int8, but slower or less exact")
    what: str
    why: str
    instead: str = Field(description="what to write or do instead; empty where there is nothing to do")
    certain: bool = Field(default=True, description="false: an estimate that depends on what stands around the layers")
    basis: str = Field(description="what it rests on: a measurement, a published table, or an estimate")
    layers: list[str] = Field(description="Keras layers; of a .tflite those that its tensors' names point to")
    operators: list[str] = Field(default=[], description="TFLite operators it is about")
    tensors: list[str] = Field(default=[], description="of a .tflite: the tensors that those operators write")


class ActivationUse(Record):
    """One activation of a Keras model on one target."""

    activation: str
    layers: list[str]
    operators: list[str] = Field(description="what it becomes; empty where it is fused into the operator before")
    bounds: tuple[float | None, float | None] = Field(description="null: no bound on that side, so data set the range")
    severity: Severity | None = Field(description="the gravest of what its operators meet with there; null if nothing")
    suggestion: str | None = Field(description="the nearest activation that meets with nothing, where this one does")


class TargetCheck(Record):
    """A model on one target."""

    target: str
    basis: str = Field(description="what operators were judged by")
    operators: dict[str, int] = Field(description="operator to how often it occurs; of a Keras model an estimate")
    leaves_at: str | None = Field(description="where an accelerator that takes one piece hands over to the CPU")
    activations: list[ActivationUse]
    findings: list[Finding]
    passed: bool = Field(description="whether nothing blocks")


class CheckReport(Record):
    """What `edgeswap check --json` puts on stdout."""

    schema_: Literal["edgeswap.check/1"] = Field(default="edgeswap.check/1", alias="schema")
    edgeswap: str
    model: str
    form: Literal["keras", "tflite"]
    kind: Kind | None = Field(default=None, description="of a .tflite: what its numbers are; null for a Keras model")
    activations: Activations | None = Field(default=None, description="the swap that was asked for; null if none was")
    targets: list[TargetCheck]
    passed: bool

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
