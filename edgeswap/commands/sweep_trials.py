"""Of a grid that is too large to export whole, the candidates to try: chosen by Optuna from what others have shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgeswap.config.sweep import Planned
from edgeswap.errors import ConfigError

# As many are chosen at once, whatever --jobs: those of one round do not know of each other, so that the choice is the
# same on any number of processors, and a sweep that was stopped chooses the same again.
ROUND = 4
# Asked for again, a sampler that names what has been tried is left aside after so many times.
REPEATS = 30


class Trials:
    """A tree-structured Parzen estimator (Bergstra et al., NIPS 2011) over the settings, by loss and size.

    Both are the same in every run. Latency is not, and would make the choice one of chance.

    Args:
        axes: setting to its values.
        planned: every combination that can be.
        seed: of the choice.

    Raises:
        ConfigError: Optuna is not installed.
    """

    def __init__(self, axes: Mapping[str, Sequence[str]], planned: Sequence[Planned], seed: int) -> None:
        optuna = _optuna()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._failed = optuna.trial.TrialState.FAIL
        self._left = {_key(one): one for one in planned}
        self._known: dict[tuple[str, ...], tuple[float, int] | None] = {}
        self._space = {axis: optuna.distributions.CategoricalDistribution(list(of)) for axis, of in axes.items()}
        self._axes = list(planned[0].varied)
        self._study = optuna.create_study(
            directions=["minimize", "minimize"], sampler=optuna.samplers.TPESampler(seed=seed)
        )
        self._asked: dict[str, Any] = {}

    def ask(self, count: int) -> list[Planned]:
        """The next candidates, at most `count`; none was asked for before."""
        return list(self._next(count))

    def tell(self, found: Mapping[str, tuple[float, int] | None]) -> None:
        """What candidates came to, by name: loss and bytes; None where there are no figures."""
        for name, figures in found.items():
            trial, key = self._asked.pop(name)
            self._known[key] = figures
            self._tell(trial, figures)

    def _next(self, count: int) -> Iterator[Planned]:
        repeats = 0
        while count and self._left:
            if repeats >= REPEATS:  # it has settled: take what is left, in the order of the grid
                self._study.enqueue_trial(dict(next(iter(self._left.values())).varied))
            trial = self._study.ask(self._space)
            key = tuple(trial.params[axis] for axis in self._axes)
            one = self._left.pop(key, None)
            if one is None:  # tried, or a combination that cannot be
                self._tell(trial, self._known.get(key))
                repeats += 1
                continue
            self._asked[one.name] = trial, key
            count, repeats = count - 1, 0
            yield one

    def _tell(self, trial: Any, figures: tuple[float, int] | None) -> None:
        if figures is None:
            self._study.tell(trial, state=self._failed)
        else:
            self._study.tell(trial, list(figures))


def _key(one: Planned) -> tuple[str, ...]:
    return tuple(one.varied.values())


def _optuna() -> Any:
    try:
        import optuna  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ConfigError(
            "Expected Optuna for --trials, which chooses of a large grid, got none.",
            "Install it: pip install 'edgeswap[optuna]', or leave --trials out.",
        ) from error
    return optuna
