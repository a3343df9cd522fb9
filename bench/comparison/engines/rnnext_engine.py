"""rnnext: `layer(x)` for one layer, `model(x)` and `model.predict(x)` for a whole model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import rnnext
from comparison.cases import Case


def build(case: Case, threads: int) -> dict[str, Callable[[], Any]]:
    """Loads the model file."""
    rnnext.set_num_threads(threads)
    model = rnnext.load_model(case.model_file)
    if not case.one_layer:
        return {"model.predict(x)": partial(model.predict, case.x)}
    layer = model.layers[-1]
    if case.lengths is not None:
        return {"layer(x, mask=mask)": partial(layer, case.x, mask=case.mask)}
    return {"layer(x)": partial(layer, case.x)}
