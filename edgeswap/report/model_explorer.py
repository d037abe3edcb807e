"""Node data for Google's Model Explorer: one JSON beside a model, whose nodes it colours.

The format is that of `node_data_builder.py` in google-ai-edge/model-explorer: id of a graph to `results`, in which the
key of a node is its id or the name of a tensor that it writes.
"""

from __future__ import annotations

import json

from edgeswap.records import AnalyzeReport

GRAPH = "main"  # what Model Explorer calls the only subgraph of a .tflite
# Stop 0 is the lowest ratio, which is the layer that costs most.
GRADIENT = [{"stop": 0, "bgColor": "#d73027"}, {"stop": 0.5, "bgColor": "#fee08b"}, {"stop": 1, "bgColor": "#1a9850"}]


def node_data(report: AnalyzeReport) -> str:
    """The JSON: signal-to-noise ratio in dB of the worst output with only that layer in int8, by name.

    The name is that of the int8 file's tensor where it is known, else that of the layer with the range.
    """
    results = {
        layer.tensor or layer.output_layer or layer.layer: {"value": round(layer.only.snr_db, 2)}
        for layer in report.layers
        if layer.only.snr_db is not None
    }
    return json.dumps({GRAPH: {"results": results, "gradient": GRADIENT}}, indent=2) + "\n"
