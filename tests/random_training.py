"""How random models are trained: loss, optimizer, metrics, weights, drawn from a seed."""

from __future__ import annotations

import dataclasses
import pprint
import random
from typing import Any

from random_drawing import Drawing
from random_models import HALF, Description, Node, Options, input_dtype

# Two batches of the models' fixed batch size.
SAMPLES = 6
EPOCHS = 2

# By class: options that are drawn now and then. Epsilons are large: an optimizer that divides by
# the root of a gradient's square makes a step of a gradient that is nothing but rounding.
_OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9, "nesterov": True},
    "Adam": {"epsilon": 0.1, "amsgrad": True},
    "AdamW": {"epsilon": 0.1, "weight_decay": 0.01},
    "RMSprop": {"epsilon": 0.1, "momentum": 0.5, "centered": True},
    "Adagrad": {"epsilon": 0.1, "initial_accumulator_value": 0.2},
    "Adadelta": {"epsilon": 0.1, "rho": 0.8},
    "Adamax": {"epsilon": 0.1},
    "Nadam": {"epsilon": 0.1},
    "Ftrl": {"l1_regularization_strength": 0.001, "beta": 0.1},
}
_CLIPPING = ({"clipnorm": 0.05}, {"clipvalue": 0.01}, {"global_clipnorm": 0.05})
_LOSSES = ("mse", "mae", "huber", "log_cosh", "mean_squared_logarithmic_error", "kl_divergence")
_METRICS = ("mae", "mse", "cosine_similarity", "LogCoshError", "RootMeanSquaredError", "accuracy")
_REGULARIZERS = ("l1", "l2", "L1L2")
_CONSTRAINTS = ("max_norm", "non_neg", "unit_norm")
# Which options of a layer take them, by what the name of its class ends with.
_REGULARIZED = {
    "Dense": ("kernel", "bias"),
    "SimpleRNN": ("kernel", "recurrent", "bias"),
    "LSTM": ("kernel", "recurrent", "bias"),
    "GRU": ("kernel", "recurrent", "bias"),
    "Conv1D": ("kernel", "bias"),
    "Embedding": ("embeddings",),
}


@dataclasses.dataclass(frozen=True)
class Training:
    """A model, and how it is trained.

    Attributes:
        model: The model.
        optimizer: Class of the optimizer and its options.
        losses: Name of the loss of each output.
        loss_weights: What the losses are multiplied by, or None.
        metrics: Names of metrics of each output.
        weighted_metrics: The same, weighted.
        sample_weight: Whether samples have weights.
        class_weight: Weights by class, or None.
        validation: Whether there are validation data.
        frozen: Share of the layers that are not trained.
    """

    model: Description
    optimizer: tuple[str, Options]
    losses: tuple[str, ...]
    loss_weights: tuple[float, ...] | None
    metrics: tuple[str, ...]
    weighted_metrics: tuple[str, ...]
    sample_weight: bool
    class_weight: dict[int, float] | None
    validation: bool
    frozen: float

    def __str__(self) -> str:
        return pprint.pformat(dataclasses.asdict(self), width=100, sort_dicts=False)


class _TrainedDrawing(Drawing):
    """Draws models whose layers do the same in both libraries in training: nothing random."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        if self.dtype in HALF:
            self.dtype = "float64"

    def _add(self, layer: str, options: Options, *args: Any, **kwargs: Any) -> None:
        quiet = {"Dropout": {"rate": 0.0}, "GaussianNoise": {"stddev": 0.0}}
        options = {**options, **quiet.get(layer, {}), **self._regularized(layer)}
        super()._add(layer, options, *args, **kwargs)

    def _regularized(self, layer: str) -> Options:
        found: Options = {}
        for what in _REGULARIZED.get(layer, ()):
            if self.rng.random() < 0.15:
                found[f"{what}_regularizer"] = self.rng.choice(_REGULARIZERS)
            if self.rng.random() < 0.1:
                found[f"{what}_constraint"] = self.rng.choice(_CONSTRAINTS)
        return found


def _drawn_losses(rng: random.Random, model: Description) -> tuple[Description, tuple[str, ...]]:
    """Losses of the outputs; some outputs get a sigmoid or a softmax and a cross-entropy."""
    nodes, outputs, losses = list(model.nodes), [], []
    for output in model.outputs:
        if rng.random() < 0.4:
            units = rng.randint(1, 4)
            activation = rng.choice(("sigmoid", "softmax")) if units > 1 else "sigmoid"
            nodes.append(Node("Dense", {"units": units, "activation": activation}, (output,)))
            outputs.append((len(nodes) - 1, 0))
            kinds = ("sparse_categorical", "categorical")
            kind = "binary" if activation == "sigmoid" else rng.choice(kinds)
            losses.append(f"{kind}_crossentropy")
        else:
            outputs.append(output)
            losses.append(rng.choice(_LOSSES))
    described = dataclasses.replace(model, nodes=tuple(nodes), outputs=tuple(outputs))
    return described, tuple(losses)


def _drawn_optimizer(rng: random.Random) -> tuple[str, Options]:
    name = rng.choice(list(_OPTIMIZERS))
    always = {"epsilon": 0.1} if "epsilon" in _OPTIMIZERS[name] else {}
    options = {k: v for k, v in _OPTIMIZERS[name].items() if rng.random() < 0.5}
    options |= {**always, "learning_rate": rng.choice((0.01, 0.05))}
    if rng.random() < 0.3:
        options |= rng.choice(_CLIPPING)
    if rng.random() < 0.15:
        options |= {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 3}
    if rng.random() < 0.15:
        options["gradient_accumulation_steps"] = 2
    if rng.random() < 0.2 and name != "AdamW":
        options["weight_decay"] = 0.01
    return name, options


def draw_training(seed: str) -> Training:
    """The training of a seed."""
    rng = random.Random(seed)
    model, losses = _drawn_losses(rng, _TrainedDrawing(rng).model())
    several = len(losses) > 1
    sparse = losses[0].startswith("sparse") and not several
    # Labels that are numbers of classes have not the shape that other metrics compare.
    metrics = ("accuracy",) if any(one.startswith("sparse") for one in losses) else _METRICS
    class_weight = {0: 0.5, 1: 2.0} if sparse and rng.random() < 0.2 else None
    return Training(
        model=model,
        optimizer=_drawn_optimizer(rng),
        losses=losses,
        loss_weights=tuple(0.5 + rng.random() for _ in losses)
        if several and rng.random() < 0.5
        else None,
        metrics=tuple(rng.sample(metrics, rng.randint(0, min(2, len(metrics))))),
        weighted_metrics=tuple(rng.sample(metrics, rng.randint(0, 1))),
        sample_weight=class_weight is None and rng.random() < 0.4,
        class_weight=class_weight,
        validation=rng.random() < 0.4,
        frozen=rng.choice((0.0, 0.0, 0.3)),
    )


def floatx_of(training: Training) -> str:
    """The default float type to train with: losses and targets have it, too."""
    return input_dtype(training.model.dtype)
