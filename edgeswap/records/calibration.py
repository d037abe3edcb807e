"""The manifest of calibration samples that `edgeswap calibrate` chose."""

from typing import Literal

from pydantic import ConfigDict, Field

from edgeswap.records.base import Record
from edgeswap.records.source import DataSource


class Coverage(Record):
    """How much of the ranges of all samples some samples reach."""

    mean: float = Field(description="share of a range that is reached, mean over the ranges, 0 to 1")
    lowest: float = Field(description="that of the range that is reached least")
    classes: int | None = Field(description="how many classes are among them; null without labels")


class CalibrationManifest(Record):
    """NAME.json, beside the samples in NAME.npz."""

    schema_: Literal["edgeswap.calibration/1"] = Field(default="edgeswap.calibration/1", alias="schema")
    edgeswap: str
    created: str = Field(description="UTC, ISO 8601")
    command: list[str]
    file: str = Field(description="name of the .npz with the samples")
    data: DataSource = Field(description="what was chosen from")
    test_data: DataSource | None = Field(description="what no sample may be in; null if none was named")
    model: str | None = Field(description="the model whose tensors' ranges counted; null: the ranges of the inputs")
    preprocess: str | None = Field(description="of the model's inputs; the samples themselves are raw")
    resize: str | None = Field(description="how image files were resized")
    seed: int
    samples: int
    for_ranges: int = Field(description="samples that were chosen because they extend ranges")
    at_random: int = Field(description="samples that were chosen by the seed, with labels each class about as often")
    ranges: int = Field(description="how many ranges counted")
    chosen: Coverage
    random: Coverage = Field(description="of a random choice of as many samples, each class about as often, same seed")
    indices: list[int] = Field(description="number of each sample in the data, from 0, in the order of the file")
    sha256: list[str] = Field(description="of each sample: of the image file, or of the array with its type and shape")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
