"""Makes a model from a live torch module, or from the parts of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rnnext.errors import UnsupportedError
from rnnext.interop.torch_attention import AttentionModel, attention_model
from rnnext.interop.torch_call import TorchModel, torch_model
from rnnext.interop.torch_graph import TorchGraphModel, graph_model
from rnnext.interop.torch_module import (
    Permutation,
    TorchModule,
    is_torch_module,
    torch_class_name,
)
from rnnext.interop.torch_recurrent import Recurrent
from rnnext.interop.torch_stack import TorchStack, supported_part

__all__ = ["from_torch"]

_CONTAINERS = ("Sequential", "ModuleList")


def from_torch(
    module: Any,
    *,
    take: str | None = None,
    initial_state: bool = False,
    batch_first: bool | None = None,
    input_shape: Sequence[int | None] | None = None,
) -> TorchModel | TorchGraphModel | AttentionModel:
    """Makes a model that takes and returns what a torch module does after `module.eval()`.

    Accepted are `nn.RNN`, `nn.LSTM`, `nn.GRU` (any number of layers, both directions, with or
    without bias, `proj_size`), their cells, and stacks of these with `Linear`, `Embedding`,
    `Conv1d`, pooling, `MultiheadAttention`, `Flatten`, `LayerNorm`, `BatchNorm1d`, dropout and
    activations: an `nn.Sequential`, or a list of modules in the order in which your `forward`
    calls them. The parameters are copied. torch itself is not imported.

    So are classes of your own, whose `forward` torch.fx reads: it may call these modules, and
    functions such as `torch.cat`, `softmax`, indices, `permute`. The model is compared with the
    module on random inputs before it is returned. `take`, `initial_state` and `batch_first` do not
    apply.

    `model` is called as `module` is, with NumPy arrays or tensors, and returns NumPy arrays in
    torch's shapes: for a module that ends in a recurrence `output, h_n`, or `output, (h_n, c_n)`
    for LSTM. `model(x)`, `model(x, h_0)`, `model(x, (h_0, c_0))`; x without the batch axis; or a
    `PackedSequence`, for which the output is one too. `model.stream()` runs it step by step.
    `predict` is Keras's: where the samples are on another axis than the first
    (`batch_first=False`, `h_n`), it runs all of them at once.

    Args:
        module: The module, or a list of modules; among them `(0, 2, 1)` stands for
            `x.permute(0, 2, 1)`.
        take: What the last recurrent module passes on: "sequence", torch's `output`; "last",
            `output[:, -1]`, its last step; "state", `h_n[-1]`, with both directions
            `torch.cat([h_n[-2], h_n[-1]], dim=-1)`. By default the sequence; with its states, if
            no module follows. Recurrent modules before it always pass on their sequences.
        initial_state: Whether the states to start from are inputs of the model itself, also in a
            saved file and for `predict((x, h_0))`. There must be exactly one recurrent module.
            Calls can give states without it.
        batch_first: True makes the model take and return (B, T, ...), False (T, B, ...); by
            default it is as the module's own `batch_first` says.
        input_shape: Sizes of one sample without the batch, None for those that may vary; a list
            of them for a `forward` of several inputs. Needed where the modules do not tell. By
            default (None, D), a sequence, if a module is recurrent, else (D,); for ids (None,).

    Returns:
        A functional model of Keras's layers, float32 or float64 as the parameters are.

    Raises:
        UnsupportedError: For a module, option, function or parameter that rnnext does not have,
            named by its place; for a `forward` that torch.fx cannot read: pass its parts.

    Example:
        >>> import numpy as np, torch
        >>> from torch import nn
        >>> import rnnext
        >>> lstm = nn.LSTM(8, 16, num_layers=2, bidirectional=True, batch_first=True)
        >>> model = rnnext.from_torch(lstm)
        >>> output, (h_n, c_n) = model(np.zeros((3, 5, 8), "float32"))
        >>> output.shape, h_n.shape
        ((3, 5, 32), (4, 3, 16))

        A class of your own:

        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.words, self.lstm = nn.Embedding(100, 8), nn.LSTM(8, 16, batch_first=True)
        ...         self.head = nn.Linear(16, 2)
        ...
        ...     def forward(self, ids):
        ...         output, _ = self.lstm(self.words(ids))
        ...         return self.head(output[:, -1])
        >>> net = Net()
        >>> model = rnnext.from_torch(net)
        >>> model.predict(np.array([[5, 7, 99]])).shape
        (1, 2)

        The same by its modules:

        >>> model = rnnext.from_torch([net.words, net.lstm, net.head], take="last")
        >>> model(np.array([[5, 7, 99]])).shape
        (1, 2)
    """
    if is_torch_module(module) and torch_class_name(module) is None:
        source = TorchModule(module, "")
        if take is not None or initial_state or batch_first is not None:
            source.refuse(
                "take=, initial_state= and batch_first= are for lists of modules; this one's "
                "forward says what it takes"
            )
        return graph_model(source, input_shape)
    parts = [_part(source) for source in _leaves(module, "")]
    if not parts:
        raise UnsupportedError("from_torch: there is no module in what was passed.")
    first: Any = parts[0]
    is_alone = isinstance(first, TorchModule) and first.module is module
    if is_alone and first.class_name == "MultiheadAttention":
        if take is not None or initial_state or input_shape is not None:
            first.refuse("take=, initial_state= and input_shape= do not apply to it alone")
        return attention_model(first, batch_first)
    return torch_model(TorchStack(parts, take, batch_first), initial_state, input_shape)


def _leaves(thing: Any, path: str) -> Iterator[TorchModule]:
    """The modules without modules inside, in the order in which they are called."""
    native = torch_class_name(thing) if is_torch_module(thing) else None
    is_container = native in _CONTAINERS or type(thing).__name__ == "ModuleList"
    if _is_order(thing):
        yield Permutation(thing, path)
    elif isinstance(thing, (list, tuple)) or is_container:
        if is_container:
            TorchModule(thing, path)  # refuses hooks
        for i, inner in enumerate(thing):
            yield from _leaves(inner, f"{path}.{i}" if path else str(i))
    elif is_torch_module(thing):
        yield TorchModule(thing, path)
    else:
        where = f"item {path!r} is" if path else "received"
        raise UnsupportedError(
            "from_torch: expected a torch.nn.Module or a list of them; "
            f"{where} {type(thing).__name__!r}."
        )


def _is_order(thing: Any) -> bool:
    return isinstance(thing, tuple) and len(thing) > 1 and all(type(axis) is int for axis in thing)


def _part(source: TorchModule) -> TorchModule | Recurrent:
    if isinstance(source, Permutation):
        return source
    if source.class_name is None:
        children = [name for name, _ in source.module.named_children()]
        source.refuse(
            "it has a forward of its own, which rnnext cannot read; pass a list of its modules "
            f"in the order in which forward calls them (it has {children}), and see take="
        )
    return supported_part(source)
