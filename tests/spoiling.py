"""Adapters changed as a stranger, a fault or a mistake would change them."""

import json

from safetensors.numpy import load_file, save_file

WEIGHTS = "adapter_model.safetensors"


def change_json(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | changes), "utf-8")


def change_tensors(adapter, change):
    """Write the weights anew after `change(tensors)` has had them."""
    tensors = dict(load_file(adapter / WEIGHTS))
    change(tensors)
    save_file(tensors, adapter / WEIGHTS)
