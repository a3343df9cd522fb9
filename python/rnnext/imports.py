"""Names under which Keras programs import: modules that stand for others, and missing ones.

`rnnext/__init__.py` puts two finders on `sys.meta_path`, which come here. The first one comes
before Python's: a module is one object, under whatever name it is imported. The last one comes
after Python's: it sees only what was found nowhere.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["alias_spec", "real_name"]

# A prefix of a module's name, and what it stands for: TensorFlow's own modules are in a package of
# their own, and Keras's are at the top. A longer prefix comes before a shorter one.
_STANDS_FOR = {
    "rnnext.compat.v1.keras": "rnnext",
    "rnnext.compat.v2": "rnnext",
    "rnnext.compat": "rnnext.tensorflow.compat",
    "rnnext.keras": "rnnext",
    "rnnext.data": "rnnext.tensorflow.data",
    "rnnext.linalg": "rnnext.tensorflow.linalg",
    "rnnext.python.keras": "rnnext",
    "rnnext.python": "rnnext.tensorflow.python",
    "rnnext.math": "rnnext.tensorflow.math",
    "rnnext.nn": "rnnext.tensorflow.nn",
    # Modules of Keras whose names are one level up, too.
    "rnnext.ops.linalg": "rnnext.ops",
    "rnnext.ops.nn": "rnnext.ops",
    "rnnext.ops.numpy": "rnnext.ops",
    "rnnext.test": "rnnext.tensorflow.test",
    "rnnext.train": "rnnext.tensorflow.train",
    # Modules of Keras 2, whose names are one level up since Keras 3.
    "rnnext.engine": "rnnext.layers",
    "rnnext.layers.advanced_activations": "rnnext.layers",
    "rnnext.layers.convolutional_recurrent": "rnnext.layers",
    "rnnext.layers.cudnn_recurrent": "rnnext.layers",
    "rnnext.layers.embeddings": "rnnext.layers",
    "rnnext.layers.merge": "rnnext.layers",
    "rnnext.layers.noise": "rnnext.layers",
    "rnnext.layers.recurrent": "rnnext.layers",
    "rnnext.layers.wrappers": "rnnext.layers",
    "rnnext.objectives": "rnnext.losses",
    "rnnext.optimizers.legacy": "rnnext.optimizers",
    "rnnext.utils.data_utils": "rnnext.utils",
    "rnnext.utils.generic_utils": "rnnext.utils",
    "rnnext.utils.layer_utils": "rnnext.utils",
    "rnnext.utils.np_utils": "rnnext.utils",
    "rnnext.utils.vis_utils": "rnnext.utils",
}


def real_name(name: str) -> str:
    """Returns the name of the module that a name stands for.

    Example:
        >>> real_name("rnnext.keras.layers"), real_name("rnnext.nn"), real_name("rnnext.layers")
        ('rnnext.layers', 'rnnext.tensorflow.nn', 'rnnext.layers')
    """
    for prefix, real in _STANDS_FOR.items():
        if name == prefix or name.startswith(prefix + "."):
            inner = "" if prefix == "rnnext.engine" else name[len(prefix) :]
            return real_name(real + inner)
    return name


class _AliasLoader:
    @staticmethod
    def create_module(spec: ModuleSpec) -> None:
        """Lets Python make an empty module, whose place the real one takes."""

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        sys.modules[module.__name__] = importlib.import_module(real_name(module.__name__))


def alias_spec(name: str) -> ModuleSpec | None:
    """Returns how to import a module under a name that stands for another; None for other names."""
    return None if real_name(name) == name else ModuleSpec(name, _AliasLoader)  # type: ignore[arg-type]
