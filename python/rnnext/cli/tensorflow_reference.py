"""A model file opened by the Keras generation that wrote it, running on TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnext import nest
from rnnext.errors import FileError
from rnnext.packages import load_package
from rnnext.saving.formats.json_text import parse_object
from rnnext.saving.formats.limits import Limits
from rnnext.saving.formats.source import open_source
from rnnext.saving.legacy.version import KerasVersion


class Reference:
    """A model in TensorFlow.

    Keras 3 misreads what Keras 2 wrote (hard_sigmoid has another slope there), so a file is opened
    by its own generation: Keras 3, or tf_keras, which is Keras 2 kept alive.

    Args:
        file: Path of a model file that rnnext opens.
        purpose: What needs it, for the error when something is not installed.

    Attributes:
        model: The Keras model.
        label: The versions of TensorFlow and Keras, for a heading.

    Raises:
        MissingPackageError: TensorFlow, or the Keras of the file's generation, is not installed.
        FileError: Keras cannot open the file; says what Keras said.
    """

    def __init__(self, file: str, purpose: str = "`rnnext verify`") -> None:
        os.environ.setdefault(
            "TF_CPP_MIN_LOG_LEVEL", "2"
        )  # its start-up notes would bury the table
        self._tensorflow = tensorflow = load_package("tensorflow", purpose, "tensorflow")
        version = recorded_version(file)
        if version.generation == 3:
            self._keras = load_package("keras", purpose, "keras")
        else:
            self._keras = load_package(
                "tf_keras", f"{purpose} of a file of Keras {version.text}", "tf_keras"
            )
        self.label = (
            f"TensorFlow {tensorflow.__version__}, {self._keras.__name__} {self._keras.__version__}"
        )
        try:
            self.model = self._keras.models.load_model(file, compile=False)
        except Exception as error:  # whatever is wrong, Keras has no error class of its own for it
            raise FileError(f"{file}: {self.label} cannot open it: {error}") from error

    def compiled_call(self, x: Any) -> Callable[[], NDArray[Any]]:
        """The model in a `tf.function`, as a function without arguments that gives its output."""
        tensors = nest.map_structure(self._tensorflow.constant, x)
        function = self._tensorflow.function(self.model)

        def call() -> Any:
            return nest.map_structure(np.asarray, function(tensors, training=False))

        return call

    def layer_outputs(
        self, names: Sequence[str], inputs: Sequence[NDArray[Any]]
    ) -> list[list[NDArray[Any]]]:
        """The outputs of the layers of these names and, last, the model's, all from one run."""
        layers = [self.model.get_layer(name) for name in names]
        wanted = [*(layer.output for layer in layers), self.model.outputs]
        probe = self._keras.Model(self.model.inputs, wanted)
        outputs = probe(list(inputs), training=False)
        return [[np.asarray(tensor) for tensor in nest.flatten(output)] for output in outputs]


def recorded_version(file: str) -> KerasVersion:
    """The version of Keras that wrote a file; one without a record is from before Keras 2.

    Raises:
        FileError: Not a model file.
    """
    limits = Limits()
    text = None
    with open_source(file, limits) as source:
        if source.archive is not None:
            metadata = source.archive.read("metadata.json", limits.config_bytes)
            text = parse_object(metadata, file, "metadata.json", limits).get("keras_version")
        elif source.hdf5 is not None:
            import h5py

            with h5py.File(source.hdf5, "r") as root:
                text = root.attrs.get("keras_version")
                if text is None and "model_weights" in root:
                    text = root["model_weights"].attrs.get("keras_version")
    if text is None:
        return KerasVersion("1 or before", (1, 0, 0))
    return KerasVersion.parse(text if isinstance(text, str) else text.decode(), file)
