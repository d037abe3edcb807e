"""What all tests share: a quiet TensorFlow, the shared data folder, and no silent skip on CI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photographs and published models: EDGESWAP_SHARED, or `../shared` beside the checkout."""
    folder = Path(os.environ.get("EDGESWAP_SHARED", CHECKOUT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared data folder at {folder}; set EDGESWAP_SHARED")
    return folder


def _must_not_be_skipped(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    """Skipped tests, where the run is CI's; only a test that needs a board (`device`) may be skipped there."""
    if not os.environ.get("CI"):
        return []
    return [report for report in reporter.stats.get("skipped", []) if "device" not in getattr(report, "keywords", ())]


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and _must_not_be_skipped(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if skipped := _must_not_be_skipped(terminalreporter):
        terminalreporter.section("skipped on CI, which counts as failed", red=True)
        for report in skipped:
            terminalreporter.line(report.nodeid)
