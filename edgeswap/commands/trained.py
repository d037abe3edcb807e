"""A fake-quant model trained, and beside it the float model, so that int8 is compared with what training alone does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from edgeswap.commands.fine_tuning import QAT_LEARNING_RATE, FineTuned, fine_tune
from edgeswap.commands.float_models import FloatModels
from edgeswap.commands.save_trained import keep_float_model, keep_qat_model
from edgeswap.config.export import ExportConfig
from edgeswap.evaluation.predictions import predict
from edgeswap.evaluation.scoring import Scores
from edgeswap.graph.build import build
from edgeswap.progress import Progress
from edgeswap.quantization.fitted import Fitted
from edgeswap.records import Caution, TrainingRun
from edgeswap.store.run_store import RunStore
from edgeswap.system.partial import CONTROL


def train_beside_control(
    config: ExportConfig,
    floats: FloatModels,
    fake_quant_model: Any,
    fitted: Fitted,
    folder: Path,
    *,
    store: RunStore,
    progress: Progress,
) -> tuple[Any, Scores | None, tuple[TrainingRun, ...], tuple[Caution, ...]]:
    """The fake-quant model after QAT; the scores of the control, the float model trained the same; how both went.

    With `--no-measure` there is no control, since nothing is compared with it.

    The float model teaches both: labels alone would pull away from it, and know nothing of most outputs. `fitted` is
    what the fake-quant model was made of.
    """
    splits, keeps = floats.splits, config.output is not None
    with progress.step("Build the network"):
        float_model = build(floats.graph)

    def tuned(
        model: Any,
        made_of: Any,
        title: str,
        stage: Literal["float32_finetuned", "int8"],
        epoch: int | None = None,
    ) -> FineTuned:
        return fine_tune(
            model,
            splits,
            floats.scoring,
            title=title,
            stage=stage,
            epochs=config.epochs,
            learning_rate=QAT_LEARNING_RATE,
            seed=config.seed,
            loss=config.loss,
            epoch=epoch,
            batch_size=config.batch_size,
            strategy=config.strategy,
            teacher=float_model,
            made_of=made_of,
            taught_by=floats.graph,
            store=store,
            progress=progress,
        )

    qat_model, qat_run, stored = tuned(fake_quant_model, fitted, "Quantization-aware training", "int8")
    cautions: tuple[Caution, ...] = ()
    if config.save_qat or (keeps and not stored):
        cautions = keep_qat_model(qat_model, folder, must=config.save_qat, progress=progress)
    if not config.measure:
        return qat_model, None, (qat_run,), cautions
    # Judged by what they train on alone, the two could end apart for no reason: both train as long.
    same = qat_run.best_epoch if qat_run.judged_on == "training" else None
    title = "Train the float32 control"
    control, control_run, stored = tuned(float_model, floats.graph, title, "float32_finetuned", same)
    if keeps and not stored:
        normalizations = splits.preprocess.normalizations
        cautions += keep_float_model(control, folder / CONTROL, normalizations=normalizations, progress=progress)
    said = predict(
        control, splits.test, splits.preprocess, floats.scoring, title="Test float32, finetuned", progress=progress
    )
    return qat_model, said, (control_run, qat_run), cautions
