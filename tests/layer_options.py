"""What each layer makes of each value of each option: its config, or the message of its error.

`python tests/layer_options.py` records it anew, after a change that is meant to be seen.
"""

from __future__ import annotations

import inspect
import json
import pathlib
import re
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import rnnext
from rnnext import layers, naming, serialization
from rnnext.errors import RnnextError

RECORD = pathlib.Path(__file__).parent / "data" / "layer_options.json"

REQUIRED: dict[str, Any] = {
    "activation": "relu", "rate": 0.5, "filters": 4, "kernel_size": 2, "rank": 2, "units": 3,
    "axes": 1, "equation": "abc,cd->abd", "output_shape": [None, 4], "input_dim": 5,
    "output_dim": 3, "stddev": 0.5, "head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2,
    "num_bins": 5, "function": abs, "num_heads": 2, "key_dim": 4, "dims": (2, 1), "n": 3,
    "output_size": 2, "scale": 2.0, "target_shape": (2, 3),
}  # fmt: skip
# What options may be: each is given to each option, and most are wrong for most of them.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 3, -1, 0.25, 1.5, "wrong", "relu", "ones", "l2", "non_neg", "same",
    "valid", "causal", "channels_first", "channels_last", "concat", "bilinear", "float64", "int",
    [1, 2], (2, 2), (1, 2, 2), ((1, 1), (0, 2)), [], {}, {"class_name": "HeNormal", "config": {}},
)  # fmt: skip


def classes() -> dict[str, Any]:
    """All layers by name, each once, without the base class."""
    found = [getattr(layers, name) for name in sorted(layers.__all__)]
    kinds = [cls for cls in found if isinstance(cls, type) and issubclass(cls, rnnext.Layer)]
    return {cls.__name__: cls for cls in kinds if cls is not rnnext.Layer}


def arguments(cls: Any) -> tuple[dict[str, Any], list[str]]:
    """The arguments that a constructor requires, and the names of all that can be given by name."""
    required: dict[str, Any] = {}
    names = {"trainable", "autocast", "activity_regularizer", "dtype", "unknown_option"}
    for base in cls.__mro__:
        names |= base.__dict__.get("_more_options", set())
    for name, parameter in list(inspect.signature(cls.__init__).parameters.items())[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        names.add(name)
        if parameter.default is parameter.empty:
            required[name] = REQUIRED[name] if name in REQUIRED else _made(name)
    return required, sorted(names - {"name"})


def _made(name: str) -> Any:
    """A new layer, cell or list of cells for the option of this name."""
    if name == "layer":
        return layers.LSTM(2, return_sequences=True, name="inner")
    cell = layers.GRUCell(2, name="cell")
    return [cell] if name == "cells" else cell


def outcome(cls: Any, given: dict[str, Any]) -> str:
    """The config of the layer in the order of its keys, or the error.

    Only errors of rnnext are said in words of its own.
    """
    naming.clear_session()  # names are numbered
    try:
        layer = cls(**given, name="layer")
        config = layer.get_config()
        types = {key: type(value).__name__ for key, value in config.items()}
        text = json.dumps([serialization.serialize(layer), types], default=repr)
        # A layer must be made again, the same, by its config, too.
        again = cls.from_config(dict(config)).get_config()
        text += str(
            json.dumps(serialization.serialize(config), default=repr)
            == json.dumps(serialization.serialize(again), default=repr)
        )
    except RnnextError as error:
        text = f"{type(error).__name__}: {error}"
    except Exception as error:
        text = type(error).__name__
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def outcomes(cls: Any) -> Iterator[tuple[str, Any, str]]:
    """All options of a class, values, and what the class makes of them."""
    required, names = arguments(cls)
    yield "", None, outcome(cls, required)
    for name in names:
        for value in VALUES:
            required, _ = arguments(cls)
            yield name, value, outcome(cls, {**required, name: value})


def record(cls: Any) -> dict[str, str]:
    """A checksum of what a class makes of each of its options."""
    sums: dict[str, int] = {}
    for name, value, text in outcomes(cls):
        sums[name] = zlib.crc32(f"{value!r}: {text}".encode(), sums.get(name, 0))
    return {name: f"{total:08x}" for name, total in sums.items()}


if __name__ == "__main__":
    if len(sys.argv) > 1:  # for a diff of the words: all of them, of these classes
        for chosen in sys.argv[1:]:
            for option, given, text in outcomes(classes()[chosen]):
                print(f"{chosen} {option}={given!r}: {text}")
    else:
        found = {name: record(cls) for name, cls in classes().items()}
        RECORD.write_text(json.dumps(found, indent=1) + "\n")
