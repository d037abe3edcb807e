"""What a user may set for an export: validated, from flags, edgeswap.toml or Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from edgeswap.config.model import ModelSettings
from edgeswap.config.settings import MOST, TargetSettings, configured, flag, given, unless_bool
from edgeswap.config.settings_file import written_settings
from edgeswap.config.task import TaskSettings
from edgeswap.data.resizing import Resize
from edgeswap.errors import ConfigError
from edgeswap.model.file import require_file
from edgeswap.quantization.specification import Policy, WeightScales
from edgeswap.records import CandidatePrecision, Io
from edgeswap.system.cache import LIMIT_BYTES
from edgeswap.targets.edgetpu.installed import EDGE_TPU
from edgeswap.targets.micro.installed import MICRO
from edgeswap.targets.names import dense_scales_for, require_known, runs_models
from edgeswap.tflite.lower import HardSwish

EXAMPLE_ACTIVATION = "relu6"


class ExportConfig(ModelSettings, TaskSettings, TargetSettings):
    """Everything `export` may be told; the defaults are those of Python, the command line's `output` is `out`.

    `model`, `data`, `test_data` and `calibration` are texts as on the command line, or from Python also objects;
    `custom_objects` are `MODULE:NAME`s, or from Python the objects by name.
    """

    data: Any = None
    test_data: Any = None
    calibration: Any = None
    preprocess: str | None = None
    resize: Resize = "pillow"
    labels: Path | None = None
    loss: str | Callable[..., Any] | None = None
    recover_epochs: int = Field(default=3, ge=0, le=MOST)
    precision: CandidatePrecision = "int8"
    io: Io = "int8"
    compare: Literal["dynamic"] | None = None
    measure: bool = True
    method: Literal["ptq", "qat", "auto"] = "qat"
    epochs: int = Field(default=3, ge=1, le=MOST)
    batch_size: int = Field(default=32, ge=1, le=MOST)
    strategy: Literal["mirrored", "multiworker"] | None = None
    save_qat: bool = False
    ranges: Policy = "auto"
    hard_swish: HardSwish = "auto"
    allow_chance: bool = False
    weight_scales: WeightScales = "per-channel"
    dense_scales: WeightScales | None = None
    max_drop: float | None = Field(default=None, ge=0)
    max_latency_ms: float | None = Field(default=None, gt=0)
    max_size: int | None = Field(default=None, gt=0)
    max_arena: int | None = Field(default=None, gt=0)
    seed: int = Field(default=0, ge=0, lt=2**31)
    track: Literal["mlflow"] | None = None
    author: str = ""
    license: str = ""
    description: str = ""
    output: Path | None = None
    overwrite: bool = False
    cache: bool = True
    cache_dir: Path | None = None
    cache_size: int = Field(default=LIMIT_BYTES, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _example(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Without a model the digits example shows every stage, and so needs a swap."""
        swaps = values.get("activation") or values.get("swap")
        return values if values.get("model") is not None or swaps else {**values, "activation": EXAMPLE_ACTIVATION}

    @model_validator(mode="before")
    @classmethod
    def _fake_quant_is_of_8_bits(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Every other precision is PTQ by the converter: said, or else chosen."""
        precision = values.get("precision", "int8")
        if precision not in ("int16x8", "float16"):
            return values
        if (method := values.get("method", "ptq")) != "ptq":
            raise ConfigError(
                f"Expected --method ptq for --precision {precision}, got {method}: fake-quant imitates 8 bits.",
                "Pass --method ptq or none, or --precision int8.",
            )
        for name, default, why in (
            ("hard_swish", "auto", "It tells how an int8 model computes it"),
            ("dense_scales", None, "It tells how an int8 model holds its weights"),
            ("weight_scales", "per-channel", "It tells how an int8 model holds its weights"),
            ("ranges", "auto", "The converter sets those ranges"),
            ("io", "int8", "It tells what an int8 model takes and gives"),
        ):
            if values.get(name, default) != default:
                raise ConfigError(
                    f"Expected no --{name.replace('_', '-')} for --precision {precision}, got {values[name]!r}.",
                    f"{why}: leave it out, or pass --precision int8.",
                )
        return {"method": "ptq", **values}

    @field_validator(
        "recover_epochs",
        "epochs",
        "batch_size",
        "max_drop",
        "max_latency_ms",
        "max_size",
        "max_arena",
        "seed",
        "cache_size",
        mode="before",
    )
    @classmethod
    def _true_is_no_number(cls, value: Any) -> Any:
        return unless_bool(value)

    @model_validator(mode="after")
    def _times_where_there_is_time(self) -> ExportConfig:
        first = next(filter(runs_models, self.target))
        if self.max_latency_ms is not None and require_known(first).measures != "time":
            raise ConfigError(
                f"Expected a first target that measures time for --max-latency-ms, got {first}, whose time "
                "means nothing.",
                "Name host or a board as the first --target.",
            )
        if self.max_arena is not None and MICRO not in self.target:
            raise ConfigError(
                f"Expected --target {MICRO} for --max-arena, got {', '.join(self.target)}: only a microcontroller's "
                "interpreter has an arena.",
                f"Add --target {MICRO}, or leave out --max-arena.",
            )
        return self

    @model_validator(mode="after")
    def _limits_what_is_measured(self) -> ExportConfig:
        if self.measure:
            return self
        of_figures = ("max_drop", "max_latency_ms", "max_arena", "compare", "target_samples")  # a size is known at once
        asked = [flag(name) for name in of_figures if getattr(self, name) is not None]
        asked += ["--require-delegate"] if self.require_delegate else []
        if asked:
            raise ConfigError(
                f"Expected no {asked[0]} with --no-measure, which measures nothing.", "Leave out one of the two."
            )
        return self

    @model_validator(mode="after")
    def _compares_where_floats_run(self) -> ExportConfig:
        where = [f"--target {name}" for name in self.target if name == MICRO]
        where += [f"--delegate {EDGE_TPU}"] if self.delegate == EDGE_TPU else []
        if self.compare is not None and where:
            raise ConfigError(
                f"Expected no --compare for {where[0]}, which runs integers alone, got {self.compare}.",
                "Leave out one of the two.",
            )
        return self

    @field_validator("author", "license", "description")
    @classmethod
    def _text_that_can_be_written(cls, value: str) -> str:
        if any("\ud800" <= character <= "\udfff" for character in value):  # bytes of a terminal that are no UTF-8
            raise ConfigError(f"Expected Unicode text for the bundle, got {value!r}.", "Write it as UTF-8.")
        return value

    @model_validator(mode="after")
    def _npus_take_int8(self) -> ExportConfig:
        npus = [f"--target {name}" for name in self.target if not runs_models(name)]
        npus += [f"--delegate {EDGE_TPU}"] if self.delegate == EDGE_TPU else []
        if npus and self.precision != "int8":
            raise ConfigError(
                f"Expected --precision int8 for {npus[0]}, got {self.precision}.", "Leave out one of the two."
            )
        return self

    @property
    def dense_scales_or_default(self) -> WeightScales:
        """What `--dense-scales` names, or else `--weight-scales`, or else what suits where the candidate is to run."""
        if self.dense_scales is None and self.weight_scales == "per-tensor":
            return "per-tensor"
        return self.dense_scales or dense_scales_for(self.delegate)

    @property
    def dense_scales_by(self) -> Literal["user", "weights", "target"] | None:
        """Who chose them; None for a precision that leaves no choice."""
        if self.precision != "int8":
            return None
        if self.dense_scales is not None:
            return "user"
        return "weights" if self.weight_scales == "per-tensor" else "target"

    @property
    def trains(self) -> bool:
        """Whether anything is fine-tuned."""
        return self.method == "qat" or (self.swaps and self.recover_epochs > 0)

    @property
    def may_train(self) -> bool:
        """Whether anything is fine-tuned, or could be: by `--method auto`, where there are samples to train on."""
        return self.trains or (self.method == "auto" and (self.data is not None or self.model is None))

    @model_validator(mode="after")
    def _learns_by_training(self) -> ExportConfig:
        if self.ranges == "learned" and self.method != "qat":
            raise ConfigError(
                f"Expected --method qat for --ranges learned, got {self.method}, which need not train.",
                "Pass --method qat, or --ranges observed.",
            )
        return self

    @model_validator(mode="after")
    def _a_loss_trains(self) -> ExportConfig:
        if self.loss is not None and not self.may_train:
            raise ConfigError(
                "Expected something to train for --loss, got --method ptq and no swap to recover from.",
                "Pass --method qat, or leave --loss out.",
            )
        return self

    @model_validator(mode="after")
    def _a_strategy_trains(self) -> ExportConfig:
        if self.strategy is not None and not self.may_train:
            raise ConfigError(
                f"Expected something to train for --strategy {self.strategy}, got --method ptq and no swap to recover "
                "from.",
                "Pass --method qat, or leave --strategy out.",
            )
        if self.strategy == "multiworker" and self.method == "auto":
            raise ConfigError(
                "Expected --method ptq or --method qat for --strategy multiworker, got auto, by which two machines "
                "could decide differently.",
                "Pass --method qat, or --strategy mirrored.",
            )
        return self

    @model_validator(mode="after")
    def _saves_what_is_trained(self) -> ExportConfig:
        if self.save_qat and self.method != "qat":
            raise ConfigError(
                f"Expected --method qat for --save-qat, got {self.method}, which need not train a fake-quant model.",
                "Pass --method qat, or leave --save-qat out.",
            )
        if self.save_qat and self.output is None:
            raise ConfigError(
                "Expected an output folder for save_qat, got none.",
                "Give output, or take the model from the result: result.qat_model.",
            )
        return self

    @model_validator(mode="after")
    def _has_data(self) -> ExportConfig:
        if self.model is None or self.data is not None:
            return self
        if self.calibration is None or self.test_data is None:
            lacking = ConfigError(
                "Expected data for a model of your own, got none: calibration and the figures need samples.",
                "Pass --data SPEC (a folder of images, an .npz, ...), or both --calibration and --test-data.",
            )
        elif self.trains:
            lacking = ConfigError(
                "Expected --data to fine-tune on, got none.",
                "Pass --data SPEC, or --method ptq and --recover-epochs 0 to train nothing.",
            )
        else:
            return self
        if isinstance(self.model, (str, Path)):
            require_file(self.model)  # data are of no use to a model that is not there
        raise lacking


def export_config(
    settings: Mapping[str, Any], folder: Path | None = None, *, defaults: Mapping[str, Any] | None = None
) -> ExportConfig:
    """The configuration from `settings` (flags or keywords), and from the files of a folder below them.

    Args:
        settings: None and empty tuples count as left out.
        folder: whose edgeswap.toml and pyproject.toml count, see `written_settings`; None: no file does.
        defaults: below both, where they are others than those of `ExportConfig`.

    Raises:
        ConfigError: a setting nobody knows or of a value that cannot be, or a file that is no TOML.
    """
    below = {} if folder is None else written_settings(folder)
    named = given(settings)

    def where(name: str) -> str:
        in_file = name in below and name not in named
        return f"{flag(name).removeprefix('--')} in {below[name].file}" if in_file else flag(name)

    values = {**(defaults or {}), **{name: written.value for name, written in below.items()}, **named}
    return configured(ExportConfig, values, where)
