"""Predictions of Spark data frames: `rnnext.spark.predict(model, frame)`; Spark brings PySpark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rnnext.engines.columns import Columns
from rnnext.packages import load_package

__all__ = ["in_pandas", "predict"]


def predict(model: Any, frame: Any, inputs: Any = "x", outputs: Any = "y") -> Any:
    """Returns a Spark data frame with the model's outputs as further columns, lazily.

    Args:
        model: The model; it is broadcast, once to each executor.
        frame: A `pyspark.sql.DataFrame`. A sample of an input is an array of its numbers, nested or
            flat: (T, D) as T arrays of D or as one of T * D.
        inputs: The column of the input, or one for each input of the model.
        outputs: The column of the output, or one for each output: arrays of floats, flat.

    Returns:
        The data frame. Start Python workers with OMP_NUM_THREADS=1 if an executor has several.

    Raises:
        ShapeError: If there are more or fewer columns than inputs or outputs.
        MissingPackageError: If PySpark is not installed.
    """
    types = load_package("pyspark.sql.types", "rnnext.spark", "pyspark")
    columns = Columns(model, inputs, outputs)
    shared = frame.sparkSession.sparkContext.broadcast(model)
    fields = [
        types.StructField(name, types.ArrayType(types.DoubleType() if wide else types.FloatType()))
        for name, wide in zip(columns.outputs, columns.are_float64(), strict=True)
    ]
    schema = types.StructType([*frame.schema.fields, *fields])
    return frame.mapInPandas(in_pandas(lambda: shared.value, inputs, outputs), schema)


def in_pandas(
    get_model: Callable[[], Any], inputs: Any = "x", outputs: Any = "y"
) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """Returns the function that `DataFrame.mapInPandas` takes.

    Args:
        get_model: Returns the model, in the worker.
        inputs: The column of the input, or one for each input of the model.
        outputs: The column of the output, or one for each output.

    Example:
        >>> import pandas as pd
        >>> import rnnext.spark
        >>> from rnnext.layers import LSTM, Input
        >>> model = rnnext.Sequential([Input((2, 3)), LSTM(2)])
        >>> run = rnnext.spark.in_pandas(lambda: model)
        >>> (answers,) = run([pd.DataFrame({"x": [[0.0] * 6, [1.0] * 6]})])
        >>> list(answers), len(answers["y"][1])
        (['x', 'y'], 2)
    """

    def run(frames: Iterable[Any]) -> Iterator[Any]:
        columns = Columns(get_model(), inputs, outputs)
        for frame in frames:
            found = columns.predict(frame)
            flat = {name: list(y.reshape(len(y), -1)) for name, y in found.items()}
            yield frame.assign(**flat)

    return run
