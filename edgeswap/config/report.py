"""What a user may set for `edgeswap report`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import model_validator

from edgeswap.config.settings import Settings, configured, flag, given
from edgeswap.errors import ConfigError


class ReportConfig(Settings):
    """Which exports to show, and where their page goes."""

    folders: tuple[Path, ...]
    open: bool = False
    output: Path | None = None
    overwrite: bool = False

    @model_validator(mode="after")
    def _can_be_done(self) -> ReportConfig:
        several = len(self.folders) > 1
        if self.output is not None and not several:
            raise ConfigError(
                "Expected two folders or more for --output, got one.",
                f"{self.folders[0]} holds the page of this run: pass --open to see it.",
            )
        if self.output is not None and self.output.suffix != ".html":
            raise ConfigError(
                f"Expected a name that ends in .html for --output, got {str(self.output)!r}.",
                f"Write it as in -o {self.output.stem or 'runs'}.html.",
            )
        if self.open and several and self.output is None:
            raise ConfigError(
                "Expected --output for --open with several folders, got none.",
                "Name the page to write and open, as in: -o runs.html",
            )
        return self


def report_config(settings: Mapping[str, Any]) -> ReportConfig:
    """The configuration of `report` from `settings`.

    Raises:
        ConfigError: a setting nobody knows or of a value that cannot be.
    """
    return configured(ReportConfig, given(settings), flag)
