"""How a model of the run was trained, and which epoch's weights were kept."""

from typing import Literal

from pydantic import Field

from edgeswap.records.base import Record


class TrainingRun(Record):
    """One training: recovery from a swap, the float32 control, or QAT; all by the same rule."""

    model: Literal["float32_recovered", "float32_finetuned", "int8"] = Field(description="int8 is the fake-quant model")
    epochs: int = Field(description="planned: --recover-epochs or --epochs")
    epochs_trained: int = Field(description="fewer than planned where none had been better for long")
    best_epoch: int = Field(description="the epoch whose weights were kept; 0 is the start, before any training")
    judged_on: Literal["validation", "training", "candidate"] = Field(
        description="validation: samples set aside from the training samples, by the training's own loss; training: "
        "too few to set any aside, so the training samples by the same loss; candidate: not judged, the control keeps "
        "the epoch that the candidate kept, so that both had the same training"
    )
    samples: int = Field(description="that the epochs were judged on")
    losses: list[float | None] = Field(
        description="their mean loss before training and after each epoch; null where it is no number"
    )
