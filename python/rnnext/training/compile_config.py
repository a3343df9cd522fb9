"""The arguments of `compile` as a config, and back, from Keras 3's and Keras 2's forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rnnext import losses, metrics, optimizers, serialization
from rnnext.errors import RnnextError, UnsupportedError

__all__ = [
    "compile_arguments",
    "compile_config",
    "legacy_arguments",
    "training_config",
]

# Arguments that came with Keras 3; Keras 2 opens a file that leaves out their default.
_NEW_OPTIMIZER_ARGUMENTS = ("weight_decay", "loss_scale_factor", "gradient_accumulation_steps")
_AVERAGES = ("use_ema", "ema_momentum", "ema_overwrite_frequency")
# What optimizers of Keras 2 wrote that has no part in a step.
_OLD_OPTIMIZER_ARGUMENTS = ("jit_compile", "is_legacy_optimizer")
_RENAMED = {"lr": "learning_rate"}
# The settings of a legacy file; the others have Keras's defaults again when it is opened.
_LEGACY = ("loss", "metrics", "weighted_metrics", "loss_weights")


def compile_config(model: Any) -> dict[str, Any]:
    """The ``compile_config`` of a compiled model, in Keras 3's form.

    Args:
        model: A compiled model.

    Raises:
        UnsupportedError: If a loss or a metric is a lambda, or has no config.
    """
    config = {
        "optimizer": model.optimizer,
        "loss": model.loss,
        "loss_weights": model.loss_weights,
        "metrics": model._compile_metrics,
        "weighted_metrics": model._compile_weighted_metrics,
        "run_eagerly": model.run_eagerly,
        "steps_per_execution": model.steps_per_execution,
        "jit_compile": model.jit_compile,
    }
    return dict(serialization.serialize(config))


def compile_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `compile` that `compile_config` described.

    Args:
        config: A ``compile_config`` of Keras 3, or of a ``.keras`` file of Keras 2.

    Raises:
        RnnextError: If the config names a class or a function that is not known, or cannot be read.
    """
    found = dict(config)
    try:
        found["optimizer"] = _optimizer(config.get("optimizer", "rmsprop"))
        found["loss"] = _each(losses.get, config.get("loss"))
        for name in ("metrics", "weighted_metrics"):
            found[name] = _each(metrics.get, config.get(name))
    except RnnextError:
        raise
    # A config from a file can lack keys, and hold values of any type.
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise UnsupportedError(
            f"compile config: it cannot be read: {type(error).__name__}: {error}."
        ) from error
    return found


def training_config(model: Any) -> dict[str, Any]:
    """The ``training_config`` of a legacy file.

    Args:
        model: A compiled model.

    Raises:
        UnsupportedError: As `compile_config`.
    """
    config = compile_config(model)
    optimizer = config.pop("optimizer")
    config["loss"] = _full_names(config["loss"])
    config = {name: _legacy(value) for name, value in config.items()}
    if optimizer is not None:
        unused = () if optimizer["config"].get("use_ema") else _AVERAGES
        kept = {
            name: value
            for name, value in optimizer["config"].items()
            if name not in unused and (name not in _NEW_OPTIMIZER_ARGUMENTS or value is not None)
        }
        class_name = optimizer["registered_name"] or optimizer["class_name"]
        config["optimizer_config"] = {"class_name": class_name, "config": kept}
    return config


def legacy_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `compile` that a ``training_config`` describes.

    Args:
        config: What is in a legacy file of Keras 3 or Keras 2.

    Raises:
        RnnextError: As `compile_arguments`.
    """
    if "optimizer_config" not in config:
        raise UnsupportedError("training_config: optimizer_config is missing.")
    found = {name: config.get(name) for name in _LEGACY}
    return compile_arguments({**found, "optimizer": config["optimizer_config"]})


def _optimizer(config: Any) -> Any:
    if not isinstance(config, Mapping) or not isinstance(config.get("config"), Mapping):
        return optimizers.get(config)
    inner = {_RENAMED.get(name, name): value for name, value in config["config"].items()}
    for name in _OLD_OPTIMIZER_ARGUMENTS:
        inner.pop(name, None)
    if not inner.get("decay", True):  # 0.0: there is none
        inner.pop("decay")
    rate = inner.get("learning_rate")
    if isinstance(rate, int) and not isinstance(rate, bool):
        inner["learning_rate"] = float(rate)
    return optimizers.get(_known_class({**config, "config": inner}))


def _each(find: Callable[[Any], Any], config: Any) -> Any:
    """Replaces the configs of losses or metrics, nested in any way, by what they describe.

    A name of Keras stays a name: what "accuracy" means depends on the outputs.
    """
    if isinstance(config, str):
        found = serialization.custom_object(config)
        return config if found is None else find(config)
    if isinstance(config, Mapping) and "class_name" in config:
        return find(_known_class(dict(config)))
    if isinstance(config, Mapping):
        return {name: _each(find, value) for name, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [_each(find, value) for value in config]
    return config


def _known_class(config: dict[str, Any]) -> dict[str, Any]:
    """A config as Keras 3 writes it: without Keras 2's spellings."""
    inner = config.get("config")
    if not isinstance(inner, Mapping):
        return config
    inner = dict(inner)
    if inner.get("reduction") == "auto":  # of Keras 2
        inner["reduction"] = "sum_over_batch_size"
    # Keras 2 wrote its own classes as "Custom>Adam"; a user's class is found under either name.
    name = str(config["class_name"]).removeprefix("Custom>")
    if "fn" in inner and name not in ("LossFunctionWrapper", "MeanMetricWrapper"):
        inner.pop("fn")  # the class itself says which function it is of
    return {**config, "class_name": name, "config": inner}


def _full_names(loss: Any) -> Any:
    """Losses with Keras's long names: Keras 3 does not open a legacy file that has a short one."""
    if isinstance(loss, list):
        return [_full_names(value) for value in loss]
    if isinstance(loss, dict) and "class_name" not in loss:
        return {name: _full_names(value) for name, value in loss.items()}
    if not isinstance(loss, str) or loss.lower() in ("crossentropy", "ce"):
        return loss
    found = losses.get(loss)
    return found.__name__ if found.__module__.startswith("rnnext.") else loss


def _legacy(config: Any) -> Any:
    """A config in the form of legacy files, which has no modules, and functions by their names."""
    if isinstance(config, list):
        return [_legacy(value) for value in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config:
        return {name: _legacy(value) for name, value in config.items()}
    if config["class_name"] == "function":
        return config["config"]
    class_name = config.get("registered_name") or config["class_name"]
    return {"class_name": class_name, "config": config["config"]}
