"""A case's Keras model as a LiteRT file, in a process of its own, as it needs TensorFlow.

python -m comparison.litert_conversion CASE_FOLDER FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from comparison.cases import Case


def main() -> None:
    folder, file = sys.argv[1:]
    case = Case.load(Path(folder))
    model = keras.models.load_model(case.model_file, compile=False)
    # Every size is fixed: only then do a recurrence's lists of tensors become built-in operators.
    signature = tf.TensorSpec(case.x.shape, case.x.dtype, name="x")
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(signature)
    frozen = convert_variables_to_constants_v2(function)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], model)
    Path(file).write_bytes(converter.convert())


if __name__ == "__main__":
    main()
