"""Turns Keras 1 layer arguments into those of Keras 2.

Keras 2 renamed nearly every argument and several layers; what is listed here is what a
recurrent model could contain. A class that is not listed keeps its arguments.
"""

from __future__ import annotations

from typing import Any

from rnnext.errors import UnsupportedError

__all__ = ["looks_like_keras1", "upgrade_keras1_layer"]

Config = dict[str, Any]

_WEIGHT_ARGUMENTS = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_RECURRENT_ARGUMENTS = {
    **_WEIGHT_ARGUMENTS,
    "output_dim": "units",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "U_regularizer": "recurrent_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
_CONVOLUTION_ARGUMENTS = {
    **_WEIGHT_ARGUMENTS,
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "border_mode": "padding",
    "subsample_length": "strides",
    "subsample": "strides",
    "atrous_rate": "dilation_rate",
    "dim_ordering": "data_format",
}
_POOLING_ARGUMENTS = {
    "pool_length": "pool_size",
    "stride": "strides",
    "border_mode": "padding",
    "dim_ordering": "data_format",
}
_RENAMED: dict[str, dict[str, str]] = {
    "Dense": {**_WEIGHT_ARGUMENTS, "output_dim": "units"},
    "SimpleRNN": _RECURRENT_ARGUMENTS,
    "LSTM": _RECURRENT_ARGUMENTS,
    "GRU": _RECURRENT_ARGUMENTS,
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    **dict.fromkeys(
        ("Conv1D", "Conv2D", "Conv3D", "SeparableConv2D"),
        _CONVOLUTION_ARGUMENTS,
    ),
    "ConvLSTM2D": {**_CONVOLUTION_ARGUMENTS, **_RECURRENT_ARGUMENTS},
    **{
        f"{kind}Pooling{rank}D": _POOLING_ARGUMENTS
        for kind in ("Max", "Average", "GlobalMax", "GlobalAverage")
        for rank in (1, 2, 3)
    },
    "UpSampling1D": {"length": "size"},
    "PReLU": {"init": "alpha_initializer"},
    "BatchNormalization": {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
    "Dropout": {"p": "rate"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
    "SpatialDropout3D": {"p": "rate"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
}
_CLASSES = {
    "TimeDistributedDense": "Dense",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
}
# A window's sizes, in Keras 1 an argument for each axis.
_WINDOW_SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}
# Layers that have a dim_ordering, which Keras 1 left out of their configs.
_UNKNOWN_FORMAT = {
    f"{name}{rank}D" for name in ("UpSampling", "ZeroPadding", "Cropping") for rank in (2, 3)
}
# Arguments without a successor that change nothing at inference, or repeat a shape.
_DROPPED = {
    *("input_dim", "input_length", "consume_less", "forget_bias_init", "mode_type"),
    *("gamma_regularizer", "beta_regularizer", "weights"),
}
_MERGE_CLASSES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
}


def looks_like_keras1(config: Any) -> bool:
    """True if a model config uses argument names that only Keras 1 had."""
    if isinstance(config, dict):
        if {"inner_activation", "W_regularizer", "border_mode"} & config.keys():
            return True
        return any(looks_like_keras1(value) for value in config.values())
    return isinstance(config, list) and any(looks_like_keras1(value) for value in config)


def upgrade_keras1_layer(class_name: str, config: Config, where: str) -> tuple[str, Config]:
    """Renames a Keras 1 layer's class and arguments.

    Args:
        class_name: Keras 1 class.
        config: Its arguments; not changed.
        where: How errors call the layer.

    Returns:
        Keras 2 class name and arguments.

    Raises:
        UnsupportedError: The layer has no counterpart in Keras 2.
    """
    if class_name == "Merge":
        return _upgrade_merge(config, where)
    if class_name in _UNKNOWN_FORMAT:
        raise UnsupportedError(
            f"{where}: a file of Keras 1 does not say whether the channels of a {class_name} come "
            "first or last; accepted are the layers whose dim_ordering it records."
        )
    class_name = _CLASSES.get(class_name, class_name)
    renamed = _RENAMED.get(class_name)
    if renamed is None:
        return class_name, dict(config)
    kept = {key: value for key, value in config.items() if key not in _DROPPED}
    if class_name == "Embedding":
        kept["input_dim"] = config.get("input_dim")  # the vocabulary here, not a repeated shape
        kept.pop("dropout", None)
    if class_name == "BatchNormalization" and kept.pop("mode", 0) != 0:
        raise UnsupportedError(f"{where}: BatchNormalization mode {config['mode']}; 0 is read.")
    for sizes in _WINDOW_SIZES:
        if kept.keys() >= set(sizes):
            kept["kernel_size"] = [kept.pop(size) for size in sizes]
    upgraded = {renamed.get(key, key): value for key, value in kept.items()}
    if "dim_ordering" in kept:
        upgraded["data_format"] = _data_format(kept["dim_ordering"], where)
    if class_name == "GRU":
        upgraded["reset_after"] = False
    return class_name, upgraded


def _data_format(dim_ordering: Any, where: str) -> str:
    if dim_ordering not in _DATA_FORMATS:
        raise UnsupportedError(
            f"{where}: dim_ordering {dim_ordering!r}; accepted are {list(_DATA_FORMATS)}."
        )
    return _DATA_FORMATS[dim_ordering]


def _upgrade_merge(config: Config, where: str) -> tuple[str, Config]:
    """A Merge layer with a named mode is one of Keras 2's merging layers."""
    mode = config.get("mode")
    if not isinstance(mode, str) or mode not in _MERGE_CLASSES or config.get("layers"):
        raise UnsupportedError(
            f"{where}: Keras 1 Merge with mode {mode!r}; read are {sorted(_MERGE_CLASSES)} "
            "in a functional model."
        )
    upgraded: Config = {key: config[key] for key in ("name", "trainable") if key in config}
    if mode == "concat":
        upgraded["axis"] = config.get("concat_axis", -1)
    elif mode == "dot":
        upgraded["axes"] = config.get("dot_axes", -1)
    return _MERGE_CLASSES[mode], upgraded
