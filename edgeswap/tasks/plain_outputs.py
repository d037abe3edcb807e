"""Plain outputs: any number of any shape, judged by how near the int8 model is to the float32 one.

An output that has labels of a task is scored by that task too, as the output of a model of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from edgeswap.tasks.details import Answer, Details, Parts, values_answers
from edgeswap.tasks.metric import Inputs, Labels, Metric, Outputs
from edgeswap.tasks.outputs import Signature, deciding_head
from edgeswap.tasks.task import Shown, Task


@dataclass(frozen=True)
class PlainOutputs:
    """Any outputs; labels are a dict of arrays by output name, or whatever a metric of your own takes. See `Task`.

    Attributes:
        each: name of an output to its task, of the outputs that have labels of one.
    """

    each: tuple[tuple[str, Task], ...] = ()
    name: str = "outputs"
    shown: Shown = "values"
    needs: str = "any outputs"
    takes: str = ""
    says: str = "for each output its class with the score, or its values, of many their mean"

    def can_be(self, model: Signature) -> bool:
        """Always."""
        return True

    def fits(self, model: Signature, labels: Any | None, *, by_folder: bool) -> str | None:
        """Several outputs, or no labels, and no other task fits."""
        if len(model.outputs) > 1:
            unused = "" if labels is None else "; only a metric of your own would use the labels"
            return f"{len(model.outputs)} outputs{unused}"
        output = model.outputs[0]
        return f"one {output.head} output of shape {output.shape}, without labels" if labels is None else None

    def labels(self, given: Any, model: Signature, count: int, source: str) -> Labels:
        """As they are; those of an output that has a task as that task takes them."""
        if not self.each:
            return given
        own = {name: task.labels(given, only(model, name), count, source) for name, task in self.each}
        said = {output.named_in(given): own[output.name] for output in model.outputs if output.name in own}
        return {**given, **said, **own}  # a metric of the user's own finds them as the user named them

    def classes(self, model: Signature) -> int | None:
        """None."""
        return None

    def metrics(self, model: Signature) -> tuple[Metric, ...]:
        """Those of the tasks of outputs, as `output.metric`; the signal-to-noise ratio compares two models."""
        return tuple(
            _of_output(metric, name, _place(model, name))
            for name, task in self.each
            for metric in task.metrics(only(model, name))
        )

    def decisions(self, outputs: Outputs, model: Signature) -> npt.NDArray[Any] | None:
        """Nothing is decided."""
        return None

    def details(self, parts: Parts, model: Signature) -> Details:
        """None."""
        return Details()

    def answers(self, outputs: Outputs, model: Signature) -> list[Answer]:
        """What the task of each output says of it; without one the values, or what they are in the mean."""
        tasks = dict(self.each)
        each = [
            tasks[output.name].answers([values], only(model, output.name))
            if output.name in tasks
            else values_answers(values, output.name)
            for output, values in zip(model.outputs, outputs, strict=True)
        ]
        if len(each) == 1:
            return each[0]
        names = [output.name for output in model.outputs]
        return [
            [part for name, own in zip(names, answers, strict=True) for part in _short(name, own)]
            for answers in zip(*each, strict=True)
        ]

    def targets(self, labels: Labels, model: Signature) -> Mapping[int, npt.NDArray[Any]]:
        """Those of the tasks of outputs, where what the task pulls towards is what the head gives."""
        found: dict[int, npt.NDArray[Any]] = {}
        for name, task in self.each:
            one, place = only(model, name), _place(model, name)
            output = one.outputs[0]
            decides = task.shown in ("scores", "class map")
            if not decides or deciding_head(output.head, output.shape[-1]) == output.head:
                own = task.targets(labels[name], one)
                found |= {place + number: array for number, array in own.items()}  # its only output has number 0
        return found


def only(model: Signature, name: str) -> Signature:
    """The model as if it had only the output of that name."""
    return Signature(model.inputs, tuple(output for output in model.outputs if output.name == name))


def _place(model: Signature, name: str) -> int:
    return [output.name for output in model.outputs].index(name)


def _short(name: str, answer: Answer) -> Answer:
    """An answer of one output among several: classes with its name, and of many values their mean has to do."""
    if answer and answer[0][0] == "mean":
        return [(f"{name} mean", answer[0][1])]
    return [(f"{name} {what}" if isinstance(what, int) else what, value) for what, value in answer]


def _of_output(metric: Metric, name: str, place: int) -> Metric:
    """A metric of one output as one of the whole model."""

    def parts(outputs: Outputs, labels: Labels, inputs: Inputs) -> npt.NDArray[Any]:
        return metric.parts([outputs[place]], None if labels is None else labels[name], inputs)

    return replace(metric, name=f"{name}.{metric.name}", parts=parts)
