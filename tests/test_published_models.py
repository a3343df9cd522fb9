"""Models that their authors published inside Python packages give the answers they were made with.

The packages are fetched by name and version with pip, without their dependencies, into pytest's
cache; the model files must have the recorded SHA-256. The recorded answers are in data/published.
Where pip cannot fetch a package its test is skipped with pip's reason; where `CI` is set, as by
.ci/run, it fails.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published_models import MODELS, answers, fetched, load, recorded


@pytest.mark.parametrize("name", MODELS)
def test_published_model(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    content = fetched(name, request, tmp_path)
    x, expected = recorded(name)
    for output, y in zip(answers(load(name, content), x), expected, strict=True):
        np.testing.assert_allclose(output, y, rtol=0, atol=2e-5)
