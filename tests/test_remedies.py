"""A remedy names only what the target runs, and nothing where it runs none of it."""

from __future__ import annotations

import pytest

from edgeswap.compatibility.remedies import SWAP, Way, sentence

WAYS = (
    Way("build it with unroll=True", operators=("SPLIT", "TANH")),
    Way(SWAP, ("gelu", "swish", "hard_swish", "relu6")),
)


@pytest.mark.parametrize(
    ("operators", "activations", "told"),
    [
        ({"SPLIT", "TANH"}, set(), "Build it with unroll=True."),
        ({"SPLIT"}, set(), ""),
        (set(), {"swish"}, "Swap it for swish."),
        (set(), {"relu6", "gelu"}, "Swap it for gelu or relu6."),
        (
            {"SPLIT", "TANH"},
            {"gelu", "swish", "hard_swish", "relu6"},
            "Build it with unroll=True, or swap it for gelu, swish or hard_swish.",
        ),
    ],
)
def test_what_helps_there_is_told(operators: set[str], activations: set[str], told: str) -> None:
    runs, runs_activation = operators.issuperset, activations.__contains__
    assert sentence(WAYS, runs=runs, runs_activation=runs_activation) == told
