"""Attentions with a mask: of what int8 keeps of them a user is told before anything trains."""

from __future__ import annotations

import numpy as np
import pytest

from edgeswap.compatibility.require_int8 import require_int8
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read


def attending(**how):
    tokens = keras.Input((4, 6), name="tokens")
    attended = keras.layers.MultiHeadAttention(2, 3, name="attention")(tokens, tokens, **how)
    return canonicalize(read(keras.Model(tokens, attended)))


def test_an_attention_without_a_mask_is_not_spoken_of():
    assert [caution.kind for caution in require_int8(attending())] == []


def test_a_causal_mask_is_said_to_cost_quality():
    (caution,) = require_int8(attending(use_causal_mask=True))
    assert caution.kind == "costs_quality"
    assert caution.problem.startswith("Costly in int8: masked attention in 'attention'.")


def test_a_causal_mask_of_a_dot_product_attention_too():
    tokens = keras.Input((4, 6), name="tokens")
    attended = keras.layers.Attention(name="attention")([tokens, tokens], use_causal_mask=True)
    (caution,) = require_int8(canonicalize(read(keras.Model(tokens, attended))))
    assert caution.kind == "costs_quality"


def test_a_mask_that_is_an_array_is_refused_before_fake_quants_lose_it():
    mask = np.tril(np.ones((1, 4, 4), bool))
    with pytest.raises(ModelError, match="constant attention mask in 'attention'") as raised:
        require_int8(attending(attention_mask=mask))
    assert "Attend to all positions" in raised.value.remedy
