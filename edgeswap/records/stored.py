"""What is in the run store, as `edgeswap cache` tells it."""

from pydantic import Field

from edgeswap.records.base import Record


class StoredEntry(Record):
    """One result."""

    key: str = Field(description="SHA-256 of all that it was made from")
    stage: str = Field(description="what it is the result of")
    size_bytes: int
    used: str = Field(description="when it was last written or read, ISO 8601")


class StoreReport(Record):
    """The run store, or what was dropped from it."""

    folder: str
    size_bytes: int = Field(description="of all entries that are there now")
    entries: list[StoredEntry] = Field(description="that are there, or that were dropped; the last used first")
