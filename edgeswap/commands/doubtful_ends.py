"""What does not go together with `--io`, told before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping

from edgeswap.config.export import ExportConfig
from edgeswap.data.preprocess import Preprocess
from edgeswap.records import Caution
from edgeswap.targets.edgetpu.installed import EDGE_TPU
from edgeswap.targets.names import runs_models

IMAGE_CHANNELS = (1, 3, 4)


def doubtful_ends(
    config: ExportConfig, preprocess: Preprocess, input_shapes: Mapping[str, tuple[int, ...]]
) -> list[Caution]:
    """Warnings about the ends of the int8 model; none for `--io int8`.

    NPUs know no float tensors: Vela 5.2 leaves QUANTIZE and DEQUANTIZE to the CPU (run), as edgetpu_compiler does by
    Coral's table. Both take QUANTIZE from uint8 to int8. ML Kit and the Task Library hand the pixels themselves to a
    uint8 input, and (pixel - mean) / deviation by the model's metadata to a float32 one.

    Args:
        config: ends, targets and delegate.
        preprocess: from pixels to what the float model takes.
        input_shapes: of the inputs without the batch.
    """
    found = []
    npus = [name for name in config.target if not runs_models(name)]
    npus += [f"--delegate {EDGE_TPU}"] if config.delegate == EDGE_TPU else []
    if config.io == "float32" and npus:
        found.append(
            Caution(
                kind="ends_on_cpu",
                problem=f"With --io float32 the CPU runs a QUANTIZE for each input and a DEQUANTIZE for each output "
                f"beside the NPU ({', '.join(npus)}), which has no float tensors.",
                remedy="Pass --io int8 or --io uint8, of which the NPU runs every operator.",
            )
        )
    images = any(len(shape) == 3 and shape[-1] in IMAGE_CHANNELS for shape in input_shapes.values())
    if config.io == "uint8" and images and preprocess.name != "none" and preprocess.quantization is None:
        found.append(
            Caution(
                kind="uint8_is_not_the_pixel",
                problem=f"With --preprocess {preprocess.name} a uint8 input is not the pixel itself. A library that "
                "hands pixels to uint8 inputs unchanged, such as ML Kit or the Task Library, then gives wrong answers.",
                remedy="Pass --io float32, since such a library reads mean and deviation from the metadata. Or use "
                "the app code of the bundle, which maps the pixels.",
            )
        )
    return found
