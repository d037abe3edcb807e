"""How the values of a tensor lie on its int8 grid."""

from pydantic import Field

from edgeswap.records.base import Record


class GridShares(Record):
    """The distribution of a tensor's values over its 256 int8 values, in parts of 8; shares are 0 to 1."""

    low: float | None = Field(
        description="real value of int8 -128, of weights -127; null for weights with a scale for each channel"
    )
    high: float | None = Field(description="real value of int8 127; null as `low`")
    shares: list[float] = Field(description="share of the values in each of the 32 parts, the lowest first")
    below: float = Field(description="share of the values that lie more than a step below the range and are cut")
    above: float = Field(description="share that lies more than a step above it")


class LayerOnGrid(Record):
    """The weights and values of one layer on the int8 grid."""

    layer: str = Field(description="layer whose output it is")
    snr_db: float | None = Field(description="its signal-to-noise ratio, the lowest first; null without one")
    weights_layer: str | None = Field(description="layer with the weights; null without any of its own")
    weights: GridShares | None
    values: GridShares | None = Field(description="of the output before it is rounded; null without a range of its own")
