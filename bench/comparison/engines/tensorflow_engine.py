"""TensorFlow: Keras's `model.predict`, and the model in a `tf.function`, with and without XLA."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from comparison.cases import Case


def build(case: Case, threads: int) -> dict[str, Callable[[], Any]]:
    """Loads the model file and traces it for the shape of the case's input."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    model = keras.models.load_model(case.model_file, compile=False)
    x = tf.constant(case.x)

    def traced(jit_compile: bool) -> Callable[[], Any]:
        function = tf.function(partial(model, training=False), jit_compile=jit_compile)
        concrete = function.get_concrete_function(tf.TensorSpec(x.shape, x.dtype))
        return lambda: concrete(x).numpy()

    return {
        "tf.function": traced(jit_compile=False),
        "tf.function, XLA": traced(jit_compile=True),
        "model.predict": partial(model.predict, case.x, batch_size=len(case.x), verbose=0),
    }
