"""Policies in ONNX files, of ours and of others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

import torch
from torch import Tensor

from humanoid_envs.errors import MissingPackage, UserError
from trainers.checksums import require_sealed
from trainers.ppo.weights import require_finite

Network = Callable[..., Tuple[Tensor, ...]]
"""Observations, and states of a recurrent one, to actions, and next states: a row for each robot."""


@dataclass(frozen=True)
class OnnxNetwork:
    """What is in a file."""

    network: Network
    state_shape: Optional[Tuple[int, ...]]
    """Of a recurrent one, without the batch."""
    contract: Optional[str]
    """JSON, if it carries one."""


def read_onnx(path: Path) -> OnnxNetwork:
    """The network in an ONNX file, on the CPU.

    Raises:
        UserError: it is no ONNX, is damaged, or cannot be run here; the message says why.
        MissingPackage: onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise MissingPackage(
            f"{path.name} takes packages to read and run it ({error}): pip install onnx onnxruntime, or this "
            "project's extra 'export'."
        ) from error
    content = path.read_bytes()
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's own type
        raise _no_policy(path) from error
    if not model.graph.node:
        raise _no_policy(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    require_sealed(content, metadata, path)
    require_finite(_read_weights(model, path), f"{path} cannot act")
    options = onnxruntime.SessionOptions()
    # Threads that spin between two observations would take the cores from the physics.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime's own types
        opsets = ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in model.opset_import)
        raise UserError(
            f"{path} is ONNX that onnxruntime {onnxruntime.__version__} cannot run: it has IR version "
            f"{model.ir_version} and opset {opsets}. Export it with ones that this onnxruntime knows, or "
            f"install a newer one. It says: {' '.join(str(error).split())}"
        ) from error
    state = read_state_shape(metadata["state"], "metadata 'state'", path) if "state" in metadata else None
    return OnnxNetwork(_network(session, state is not None, path), state, metadata.get("contract"))


def _no_policy(path: Path) -> UserError:
    return UserError(
        f"{path} is no policy: neither ONNX, nor TorchScript, nor a checkpoint; or it is damaged."
    )


def read_state_shape(text: str, name: str, path: Path) -> Tuple[int, ...]:
    """The shape of a state, without the batch, from what a file says of it under a name."""
    try:
        return tuple(int(size) for size in json.loads(text)["shape"])
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"The {name} in {path} is {text!r}; it must be JSON with a list 'shape'.") from error


def _network(session: Any, recurrent: bool, path: Path) -> Network:
    inputs = session.get_inputs()
    names = [value.name for value in inputs]
    if len(names) != 1 + recurrent:
        named = "names one state" if recurrent else "names no state"
        raise UserError(
            f"{path} has inputs {', '.join(names)}, and its metadata {named}. A policy takes observations, "
            "a recurrent one also a single state, whose shape the metadata 'state' says. Export it by "
            "export_network(module, path, contract, state_shape)."
        )

    def network(*values: Tensor) -> Tuple[Tensor, ...]:
        feed = {name: value.numpy() for name, value in zip(names, values)}
        return tuple(torch.from_numpy(output) for output in session.run(None, feed))

    rows = inputs[0].shape[0] if inputs[0].shape else None
    if isinstance(rows, int) and rows != 1:
        raise UserError(
            f"{path} was exported for batches of {rows} rows exactly: export it with a free batch size "
            "(dynamic_axes), or of one row."
        )
    return row_by_row(network) if rows == 1 else network


def row_by_row(network: Network) -> Network:
    """A network that takes only one row, for any number of them."""

    def rows(*values: Tensor) -> Tuple[Tensor, ...]:
        each = [network(*(value[i : i + 1] for value in values)) for i in range(len(values[0]))]
        return tuple(torch.cat(parts) for parts in zip(*each))

    return rows


def _read_weights(model: Any, path: Path) -> Dict[str, Tensor]:
    import numpy as np
    from onnx import TensorProto, external_data_helper, numpy_helper

    found = {}
    for tensor in _weights(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            place = external_data_helper.ExternalDataInfo(tensor).location
            try:
                external_data_helper.load_external_data_for_tensor(tensor, str(path.parent))
            except Exception as error:  # of onnx's own types
                raise UserError(
                    f"{path} keeps the weights {tensor.name!r} in another file, {place}, which cannot be "
                    "read beside it: copy it there, or export without external data."
                ) from error
        try:
            values = numpy_helper.to_array(tensor)
        except Exception as error:  # likewise
            raise UserError(f"{path} is damaged: its weights {tensor.name!r} cannot be read.") from error
        if values.dtype.kind in "fV":  # floats, also those that numpy does not have
            found[tensor.name] = torch.from_numpy(values.astype(np.float64))
    return found


def _weights(model: Any) -> Iterator[Any]:
    """Tensors of the graph, given as such or as constants. Bounds, of one element, may be infinite."""
    yield from model.graph.initializer
    for node in model.graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.HasField("t") and attribute.t.dims:
                    yield attribute.t
