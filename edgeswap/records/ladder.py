"""What `--method auto` tried, in order."""

from typing import Literal

from pydantic import Field

from edgeswap.records.base import Record, Unit


class Rung(Record):
    """One way to quantize, measured on samples held out from calibration by the model that imitates int8."""

    rung: Literal["ptq", "searched_ranges", "equalized", "rounded", "qat"]
    metric: str = Field(
        description="what decides: the primary metric, `expected_drop` (from the float model's probabilities) or "
        "`relative_error` of the outputs, in percent"
    )
    unit: Unit = Field(description="of `drop`; `share` means percentage points")
    value: float | None = Field(description="the primary metric on the held-out samples; null without labels")
    drop: float = Field(description="of what decides, float32 minus this rung; positive is worse")
    drop_ci95: tuple[float, float] | None = Field(description="its 95 % interval; null if it has none")
    agreement: float | None = Field(description="share of decisions that are the float model's; null without any")
    samples: int = Field(description="held-out samples")
    samples_needed: int | None = Field(description="how many would settle it; null if it is settled, or none would")
    budget: float = Field(description="the drop that was allowed")
    kept: bool = Field(description="whether the interval lies within the budget")
    taken: bool = Field(description="whether the candidate is this one")
    reason: Literal["kept", "best", "over", "unsettled"] = Field(
        description="kept: within the budget; best: taken, as no rung keeps it; over: above the budget by the whole "
        "interval or in the mean; unsettled: too few samples to tell"
    )
    seconds: float
