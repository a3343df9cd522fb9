"""Notebooks run by Jupyter: those that people write for TensorFlow, and those of examples/."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient", reason="nbclient runs notebooks")
nbformat = pytest.importorskip("nbformat", reason="nbformat makes notebooks")
pytest.importorskip("ipykernel", reason="ipykernel runs the cells")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FILES = sorted((Path(__file__).parents[1] / "examples" / "notebooks").glob("*.ipynb"))

# One cell each. `tensorflow` becomes `rnnext`, and nothing else changes.
SHAPES = [
    """
import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Input, SimpleRNN, Dense, Flatten
from tensorflow.keras.models import Model
from tensorflow.keras.optimizers import SGD, Adam
""",
    "print(tf.__version__)",
    """
T, D, K, M = 7, 4, 3, 6
X = np.random.randn(1, T, D)
i = Input(shape=(T, D))
x = SimpleRNN(M)(i)
x = Dense(K)(x)
model = Model(i, x)
Yhat = model.predict(X)
model.summary()
""",
    """
Wx, Wh, bh = model.layers[1].get_weights()
Wo, bo = model.layers[2].get_weights()
h = np.zeros(M)
for t in range(T):
    h = np.tanh(X[0, t].dot(Wx) + h.dot(Wh) + bh)
print(Wx.shape, Wh.shape, bh.shape, np.allclose(h.dot(Wo) + bo, Yhat[0], atol=2e-6))
""",
]

COMPILED = [
    """
import tensorflow as tf
from tensorflow.keras import layers
from tensorflow.keras.callbacks import EarlyStopping, ModelCheckpoint

tf.random.set_seed(42)
for gpu in tf.config.list_physical_devices("GPU"):
    tf.config.experimental.set_memory_growth(gpu, True)
""",
    """
model = tf.keras.Sequential()
model.add(layers.Embedding(50, 8, input_length=12))
model.add(layers.Bidirectional(layers.LSTM(5, dropout=0.1)))
model.add(layers.Dense(3, activation=tf.nn.softmax))
model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate=0.01),
              loss=tf.keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
stop = EarlyStopping(monitor="loss", patience=3)
""",
    """
ids = tf.random.uniform((2, 12), 0, 50, dtype=tf.int32)
p = model.predict(ids)
print(p.shape, model.count_params(), float(tf.reduce_sum(p).round(5)))
""",
    """
history = model.fit(ids, [0, 1], epochs=2, callbacks=[stop], verbose=0)
print(list(history.history))
""",
]


@pytest.fixture(scope="module")
def kernel() -> Iterator[Any]:
    """One process of Jupyter's for all notebooks: to start it takes longer than to run them."""
    paths = os.pathsep.join(sys.path)
    client = nbclient.NotebookClient(
        nbformat.v4.new_notebook(), timeout=120, kernel_name="python3", allow_errors=True
    )
    client.km = client.create_kernel_manager()
    client.start_new_kernel(env={**os.environ, "PYTHONPATH": paths})
    client.start_new_kernel_client()
    yield client
    client._cleanup_kernel()


def run(kernel: Any, cells: list[str]) -> list[str]:
    """What each cell prints, or the last line of its error."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell.replace("tensorflow", "rnnext")) for cell in cells]
    )
    kernel.nb = notebook
    for index, cell in enumerate(notebook.cells):
        kernel.execute_cell(cell, index)
    return list(map(printed, notebook.cells))


def printed(cell: Any) -> str:
    return "".join(map(text_of, cell.outputs))


def text_of(output: Any) -> str:
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    return str(output["text"] if "text" in output else output["data"]["text/plain"])


def test_shapes_and_the_recurrence_by_hand(kernel: Any) -> None:
    imports, version, summary, by_hand = run(kernel, SHAPES)
    assert imports == ""
    assert version.strip().count(".") == 2
    # (4 + 6 + 1) * 6 of the recurrence and (6 + 1) * 3 of the Dense
    assert "Total params: 87 (348.00 B)" in summary
    assert by_hand == "(4, 6) (6, 6) (6,) True\n"


def test_a_model_that_is_compiled_and_predicts(kernel: Any) -> None:
    imports, built, predicted, trained = run(kernel, COMPILED)
    assert imports == built == ""
    # 50 * 8, twice (8 + 5 + 1) * 20, and (10 + 1) * 3
    assert predicted == f"(2, 3) {400 + 560 + 33} 2.0\n"
    assert trained == "['accuracy', 'loss']\n"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_notebook_prints_what_it_keeps(file: Path, kernel: Any) -> None:
    """The site and GitHub show what the files keep."""
    kept = [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]
    run(kernel, ["%reset -f", "import tensorflow; tensorflow.clear_session()"])
    for cell, found in zip(kept, run(kernel, [cell.source for cell in kept]), strict=True):
        assert found == printed(cell), cell.source


def test_notebooks_there_are() -> None:
    page = (FILES[0].parents[2] / "docs" / "gallery.md").read_text("utf-8")
    assert len(FILES) == 4
    assert all(f"(../examples/notebooks/{file.name})" in page for file in FILES)
