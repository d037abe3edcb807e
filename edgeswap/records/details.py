"""What a comparison tells beside its metric, in the terms of the task: figures of classes, errors, worst samples."""

from pydantic import ConfigDict, Field

from edgeswap.records.base import Record


class ClassFigure(Record):
    """One class by both models."""

    class_: str = Field(alias="class", description="its name, or its number where no names are known")
    float32: float | None = Field(description="of the baseline, 0 to 1; null where the samples do not tell it")
    int8: float | None = Field(description="of the candidate, as above")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class RocCurves(Record):
    """The ROC curve of both models: false positive rate and true positive rate, from (0, 0) to (1, 1)."""

    float32: list[tuple[float, float]] = Field(description="at most 100 points")
    int8: list[tuple[float, float]] = Field(description="as above")


class Errors(Record):
    """How the errors of both models are spread, in the unit of the labels."""

    of: str = Field(
        description="value: prediction minus label of each value; sample: mean absolute error of each sample"
    )
    edges: list[float] = Field(description="of the bins, rising; one more than there are counts")
    float32: list[int] = Field(description="how many errors are in each bin")
    int8: list[int] = Field(description="as above")
    points: list[tuple[float, float, float]] = Field(
        default=[], description="label, float32 and int8 of at most 200 values, evenly taken; empty for samples"
    )


class Named(Record):
    """A number in an answer, with what it is of."""

    name: str = Field(description="a class, or an output")
    value: float | None = Field(description="a score, a share or a value; null where it is not finite")


class InputExample(Record):
    """One test sample on its way into the int8 model, at one place: an app must come to the same numbers."""

    index: int = Field(description="its number in the test samples, from 0")
    input: int = Field(description="number of the model's input, from 0")
    place: list[int] = Field(description="of an image row and column of the pixel, from 0; empty for other inputs")
    raw: list[float] = Field(description="as the sample holds them: the channels of the pixel, or the first values")
    real: list[float] = Field(description="after preprocessing: what the float32 model is given")
    int8: list[int] | None = Field(description="what the int8 model is given; null for another precision")


class WorstSample(Record):
    """A test sample on which the outputs of both models differ most, or their answers."""

    index: int = Field(description="its number in the test samples, from 0")
    snr_db: float | None = Field(
        description="10 log10(mean over all samples of the sum of v^2 / sum of (v - w)^2 in this sample), of the "
        "output where it is lowest; null where float32 is all zero or a value is not finite"
    )
    label: str | None = Field(default=None, description="the class that is right; null where a label is no class")
    float32: list[Named] = Field(description="what the baseline says, in the words of the task")
    int8: list[Named] = Field(description="what the candidate says")
