"""The settings that an export has in a folder, and the JSON schema of the file that they can stand in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from edgeswap.config.export import ExportConfig, export_config
from edgeswap.config.settings_file import NOT_IN_A_FILE, Written, written_settings

DEFAULT = "default"


def in_force(folder: Path) -> dict[str, Written]:
    """Each setting with its value and the file that it comes from, or `default`.

    Raises:
        ConfigError: a file is no TOML, or has a setting nobody knows or of a value that cannot be.
    """
    written = written_settings(folder)
    config = export_config({}, folder, defaults={"output": Path("out")})
    return {
        name: Written(getattr(config, name), written[name].file if name in written else DEFAULT)
        for name in ExportConfig.model_fields
    }


def settings_schema() -> dict[str, Any]:
    """The JSON schema of edgeswap.toml."""
    settings = ExportConfig.model_json_schema(schema_generator=_OfTexts)
    properties = settings.pop("properties")
    named = {name.replace("_", "-"): about for name, about in properties.items() if name != NOT_IN_A_FILE}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "edgeswap.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {"export": {**settings, "title": "export", "properties": named}},
    }


class _OfTexts(GenerateJsonSchema):
    """What may be a function in Python is its name in a file."""

    def callable_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ARG002  (pydantic's signature)
        return {"type": "string", "pattern": "^[^:]+:[^:]+$"}
