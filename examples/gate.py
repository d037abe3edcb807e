"""Refuse a model that is worse than float32 beyond chance: `python examples/gate.py out/report.json`.

It needs nothing but Python. The exit code is 3 if the model is refused, as with `edgeswap export --max-drop`.
"""

import json
import sys
from pathlib import Path


def verdict(report: dict) -> tuple[bool, str]:
    """Whether the model may pass, and why."""
    if not report["passed"]:
        missed = [limit["name"] for limit in report["limits"] if not limit["passed"]]
        return False, f"missed: {', '.join(missed) or 'a target failed'}"
    comparison = report["comparison"]
    if comparison["drop_ci95"] is None:
        return True, f"no labels; agreement {comparison['agreement']}"
    low, high = comparison["drop_ci95"]
    told = f"{comparison['metric']} drop {comparison['drop']:.2f}, 95 % interval {low:.2f} to {high:.2f}"
    return low <= 0, told


if __name__ == "__main__":
    passed, why = verdict(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    print("passed:" if passed else "refused:", why)
    sys.exit(0 if passed else 3)
