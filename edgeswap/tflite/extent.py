"""How much a `.tflite` unpacks to, told before it is: one table of it may stand in thousands of places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ai_edge_litert import schema_py_generated as schema

# The largest language models have some ten thousand; Python takes a minute to unpack as many as these.
MOST_TABLES = 200_000
# Four that lead to a table, and four in which it names its fields.
TABLE_BYTES = 8
# Writers may let equal names and shapes share their place.
SHARED = 4


def require_bounded(data: bytes) -> None:
    """Refuse a file of which tables or numbers unpack to far more than the file holds.

    Raises:
        ValueError: they do.
    """
    tables = content = 0
    for more_tables, more_bytes in _parts(schema.Model.GetRootAs(data, 0)):
        tables, content = tables + more_tables, content + more_bytes
        if tables > min(MOST_TABLES, len(data) // TABLE_BYTES) or content > SHARED * len(data):
            raise ValueError(f"{tables} tables or {content} bytes of numbers and names, more than such a file holds")


def _parts(model: Any) -> Iterator[tuple[int, int]]:
    """Counts of tables, and bytes of numbers and names; what is counted is looked into only after that."""
    yield model.OperatorCodesLength() + model.BuffersLength() + model.MetadataLength() + model.SignatureDefsLength(), 0
    yield model.SubgraphsLength(), 4 * model.MetadataBufferLength()
    for number in range(model.SignatureDefsLength()):
        signature = model.SignatureDefs(number)
        yield signature.InputsLength() + signature.OutputsLength(), 0
    for number in range(model.SubgraphsLength()):
        subgraph = model.Subgraphs(number)
        yield subgraph.TensorsLength() + subgraph.OperatorsLength(), 0
        yield 0, 4 * (subgraph.InputsLength() + subgraph.OutputsLength())
        for place in range(subgraph.TensorsLength()):
            yield _tensor(subgraph.Tensors(place))
        for place in range(subgraph.OperatorsLength()):
            operator = subgraph.Operators(place)
            count = operator.InputsLength() + operator.OutputsLength() + operator.IntermediatesLength()
            yield 0, 4 * count + operator.MutatingVariableInputsLength()


def _tensor(tensor: Any) -> tuple[int, int]:
    tables, content = tensor.VariantTensorsLength(), len(tensor.Name() or b"")
    content += 4 * (tensor.ShapeLength() + tensor.ShapeSignatureLength())
    quantization, sparsity = tensor.Quantization(), tensor.Sparsity()
    if quantization is not None:
        content += 4 * (quantization.MinLength() + quantization.MaxLength() + quantization.ScaleLength())
        content += 8 * quantization.ZeroPointLength()
    if sparsity is not None:
        tables += sparsity.DimMetadataLength()
    return tables, content
