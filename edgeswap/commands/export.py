"""`export`: the whole way from a Keras model to a measured int8 .tflite. Read this first.

Each stage is a module beside this one. It takes the values of earlier stages and returns a new one. First
`from_scratch` makes the models:

    source        read the model into a graph
    samples       open the samples, and judge the task
    opened        show on some samples that the graph is the given model
    float_models  build the baseline; swap its activations and recover from the swap
    candidate     insert fake-quant, by the method that keeps the budget; for QAT train it, beside a float32 control
    converted     convert both to .tflite

Then they are shown to be good:

    lowered       lower them for the first target, and hold them to the precision that was asked for
    proof         measure both on every target, compare them and judge the limits; `unmeasured` for --no-measure
    reported      write the report, and the bundle for an app

What takes long is looked up in the run store first, under all that it is made of, and put there once it is made. Where
the store has the models of a run as a whole, `from_store` takes them, and TensorFlow is not started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgeswap.commands.from_store import Lookup, look_up
from edgeswap.commands.lowered import lower_and_write
from edgeswap.commands.models import Models
from edgeswap.commands.proof import prove
from edgeswap.commands.reported import report_of, write_results
from edgeswap.commands.samples import Samples
from edgeswap.commands.started import start_tensorflow
from edgeswap.commands.stored import opened_store, telling_how_to_go_on
from edgeswap.commands.tracked import require_tracker, track
from edgeswap.commands.unmeasured import unmeasured
from edgeswap.config.export import ExportConfig
from edgeswap.graph.layer_names import errors_in_given_names
from edgeswap.model.rehearsal import preview
from edgeswap.progress import Progress, Silent
from edgeswap.records import ExportReport
from edgeswap.report.export_result import ExportResult
from edgeswap.store.run_store import RunStore
from edgeswap.system.claim import remove
from edgeswap.system.memory import give_back
from edgeswap.system.output import recover, staged_folder
from edgeswap.system.partial import CONTROL, QAT_MODEL, RECOVERED, holds_trained, how_to_go_on
from edgeswap.system.room import LARGE_BYTES
from edgeswap.system.scratch import scratch_folder


def export(
    config: ExportConfig, *, command: Sequence[str] = (), keras: bool = True, progress: Progress | None = None
) -> ExportResult:
    """Swap, train, quantize, convert, verify, measure and report; the output folder appears whole or not at all.

    A target that fails takes nothing from the others: it stands in the report's `failures`, and `passed` is false.
    Whatever ends the run early, the run store has what was made, and the error says that the same command goes on from
    there. What the store cannot keep is written as soon as it exists, and kept beside the output.

    Args:
        config: what to do; with an `output` of None nothing is written outside of temporary folders and the run store.
        command: what the user typed, for the report.
        keras: whether the result is to have the Keras models, for which TensorFlow has to be started.
        progress: told of every step.

    Raises:
        EdgeswapError: of the kind that says what could not be done.
    """
    progress = progress or Silent()
    require_tracker(config)
    store = opened_store(config, progress=progress)
    if config.output is None:
        with scratch_folder() as folder, telling_how_to_go_on(store):
            result = _export(config, folder, command, store, progress, keras=keras)
        result = replace(result, report=_without_files(result.report))
        if config.track is not None:
            track(config, result.report, None, progress=progress)
        return result
    for partial in recover(config.output):
        if config.cache and not holds_trained(partial):
            remove(partial)  # what it holds comes from the store at once
        else:
            progress.warn("An earlier run was killed.", how_to_go_on(partial))
    staged = staged_folder(config.output, overwrite=config.overwrite, keeps=lambda: not store.holds_all)
    with staged as folder, telling_how_to_go_on(store):
        result = _export(config, folder, command, store, progress, keras=keras)
        for name in (RECOVERED, CONTROL, *(() if config.save_qat else (QAT_MODEL,))):
            (folder / name).unlink(missing_ok=True)  # kept in case the run had ended early
    if config.track is not None:
        track(config, result.report, config.output, progress=progress)
    return replace(result, folder=config.output)


def _export(
    config: ExportConfig, folder: Path, command: Sequence[str], store: RunStore, progress: Progress, *, keras: bool
) -> ExportResult:
    """The stages in order, into `folder`."""

    def make(samples: Samples | None = None) -> Models:
        if isinstance(config.model, (str, Path)):  # what is no model is told before TensorFlow starts
            preview(config.model, trust=config.trust, custom_objects=config.custom_objects)
        start_tensorflow(config, progress=progress)
        from edgeswap.commands.from_scratch import make_models  # noqa: PLC0415

        return make_models(config, folder, samples=samples, store=store, progress=progress, keras=keras)

    # The other machines wait for this one, even if its store has all.
    anew = keras or config.strategy == "multiworker"
    stored = Lookup(None, None) if anew else look_up(config, make, store=store, progress=progress)
    models = stored.models or make(stored.samples)
    del stored
    if len(models.converted.baseline) > LARGE_BYTES:
        give_back()  # the float model is converted
    with errors_in_given_names(models.told.names):
        lowered = lower_and_write(config, models, folder)
        if config.measure:
            proof = prove(config, models, lowered, folder, store=store, progress=progress)
        else:
            proof = unmeasured(config, models.samples, lowered, store=store)
        report = report_of(
            config, command=command, models=models, lowered=lowered, proof=proof, store=store, progress=progress
        )
        write_results(
            config,
            report,
            models.samples,
            lowered.candidate,
            folder,
            vectors=proof.vectors,
            layers=models.told.all_names,
            progress=progress,
        )
    final, candidate = models.keras() if keras else (None, None)
    qat_model = candidate if models.told.method == "qat" else None
    return ExportResult(report, final, qat_model, lowered.candidate, None)


def _without_files(report: ExportReport) -> ExportReport:
    """What compilers made went with the temporary folder."""
    npus = [npu.model_copy(update={"file": None}) for npu in report.npus]
    edgetpu = report.edgetpu and report.edgetpu.model_copy(update={"file": None})
    return report.model_copy(update={"npus": npus, "edgetpu": edgetpu})
