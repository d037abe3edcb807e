"""`--swap PATTERN=TO`: which activations become what. Apart from the swap, so that it is read without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from edgeswap.activations.catalog import ALIASES, CATALOG, NAMED, Activation, parse
from edgeswap.errors import ConfigError
from edgeswap.graph.ir import Layer


@dataclass(frozen=True)
class Rule:
    """One `PATTERN=TO`: a kind of the catalog or a glob over layer names, and what those become."""

    pattern: str
    to: Activation

    @property
    def kind(self) -> str | None:
        """The kind that the pattern is, or None where it is a glob over layer names."""
        kind = ALIASES.get(self.pattern, self.pattern)
        return self.pattern if self.pattern in NAMED else kind if kind in CATALOG else None

    def fits(self, layer: Layer, activation: Activation) -> bool:
        """Whether the rule speaks of this activation layer; a name such as relu3 speaks of that ceiling alone."""
        if self.pattern in NAMED:
            return activation == Activation(self.pattern)
        return activation.kind == self.kind if self.kind else fnmatchcase(layer.name, self.pattern)


def parse_rule(text: str) -> Rule:
    """The rule that `PATTERN=TO` names, such as `swish=hard_swish` or `block_1*=clipped_elu(max_value=4)`.

    Raises:
        ConfigError: `text` is not of that form, or names an activation that the catalog does not hold.
    """
    pattern, equals, to = text.partition("=")
    if not pattern.strip() or not equals or not to.strip():
        raise ConfigError(
            f"Expected PATTERN=ACTIVATION, got {text!r}.", "Write it as in swish=hard_swish or 'block_1*=relu6'."
        )
    return Rule(pattern.strip(), parse(to))
