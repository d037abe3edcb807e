"""What compilers for NPUs and the Edge TPU say of the int8 model."""

from pydantic import Field

from edgeswap.records.base import Record


class NpuEstimate(Record):
    """Estimates of Arm's compiler Vela for the int8 model on an Ethos-U; nothing is measured.

    Cycles and time include the NPU and its waits for memory, but not the operators that the CPU runs.
    """

    accelerator: str = Field(description="as Vela names it, such as 'ethos-u55-128'")
    compiler: str = Field(description="package and version, such as 'ethos-u-vela 5.2.0'")
    system_config: str = Field(description="the clock and memories that Vela assumes, from its own vela.ini")
    memory_mode: str = Field(description="which memory holds what, from the same file")
    clock_hz: float = Field(description="clock of the NPU")
    file: str | None = Field(description="the compiled model in the output folder; null if it is not kept, as by bench")
    size_bytes: int = Field(description="of the compiled model")
    npu_operators: dict[str, int] = Field(description="operators of the int8 model that the NPU runs")
    cpu_operators: dict[str, int] = Field(description="operators of the int8 model that the CPU runs")
    cpu_reasons: list[str] = Field(description="'OPERATOR (tensor): reason', one for each operator on the CPU")
    npu_pieces: int = Field(description="number of pieces that the NPU runs without handing over to the CPU; 1 is best")
    npu_cycles: int = Field(description="the NPU's own cycles for one inference")
    total_cycles: int = Field(description="npu_cycles plus waits for memory; inference_ms is total_cycles at clock_hz")
    inference_ms: float
    macs: int = Field(description="multiply-accumulate operations of one inference")
    sram_bytes: int = Field(description="peak use; the same for the other memories")
    dram_bytes: int
    on_chip_flash_bytes: int
    off_chip_flash_bytes: int


class EdgeTpuHandover(Record):
    """Where the Edge TPU hands over to the CPU: at the first operator that it does not run."""

    operator: str
    tensor: str | None = Field(description="the tensor that the operator writes; null if the compiler does not name it")
    layer: str | None = Field(description="the Keras layer in the tensor's name; null if there is none")
    reason: str
    remedy: str = Field(description="what to write or choose instead; empty if nothing helps")


class EdgeTpuMapping(Record):
    """Which operators of the int8 model an Edge TPU runs, from its compiler or, without it, from Coral's table."""

    basis: str = Field(description="the compiler and its version, or the table")
    tpu_operators: dict[str, int]
    cpu_operators: dict[str, int]
    leaves_at: EdgeTpuHandover | None = Field(description="null if the Edge TPU runs the whole model")
    refused: str | None = Field(description="why the compiler rejects this model, by the table; null if it does not")
    subgraphs: int | None = Field(description="number of pieces on the Edge TPU; null if nothing was compiled")
    cached_parameter_bytes: int | None = Field(description="weights kept on the chip, as rounded by the compiler")
    streamed_parameter_bytes: int | None = Field(description="weights sent to the chip for every inference")
    file: str | None = Field(description="the compiled model in the output folder; null if nothing was compiled")
