"""Tables of numbers as inputs: what a row is, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnext.cli import main
from rnnext.cli.csv_files import as_input, read_table
from rnnext.errors import FileError, ShapeError
from rnnext.layers import LSTM, Dense, Embedding, Flatten, Input
from rnnext.models import Model, Sequential


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("a,b\n1,2\n3,4", [[1, 2], [3, 4]]),
        ("\ufeffa;b\r\n1,5;2\r\n\r\n-3e2;4\r\n", [[1.5, 2], [-300, 4]]),
        ("1\t2\n3\t4\n", [[1, 2], [3, 4]]),
        ("1 2\n 3  4\n", [[1, 2], [3, 4]]),
        ('"a","b"\n"1", 2\n', [[1, 2]]),
        (",a,b\n0,1,2\n1,3,4\n", [[1, 2], [3, 4]]),  # as pandas writes its index
        ("5\n6\n", [[5], [6]]),
        ("0,1\n2,3\n", [[0, 1], [2, 3]]),
    ],
)
def test_tables(text: str, expected: list[list[float]], tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(text.encode())
    np.testing.assert_array_equal(read_table(str(tmp_path / "x.csv")), expected)


def test_what_pandas_and_numpy_write(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    values = np.random.default_rng(0).standard_normal((4, 3))
    pandas.DataFrame(values, columns=list("abc")).to_csv(tmp_path / "x.csv")
    np.testing.assert_array_equal(read_table(str(tmp_path / "x.csv")), values)
    np.savetxt(tmp_path / "y.txt", values, fmt="%.17g")
    np.testing.assert_array_equal(read_table(str(tmp_path / "y.txt")), values)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it holds no numbers"),
        (b"a,b\n", "it holds no numbers, only the line 'a,b'"),
        (b"1,2\n3,x\n", "line 2, value 2: 'x' is not a number"),
        (b"a,b\n1,2\n3,\n", "line 3, value 2: a value is missing"),
        (b"1,2\n\n3,4,5\n", "line 3 has 3 values, line 1 has 2; sequences of different lengths"),
        (b"\xff\xfe1", "expected a text of numbers"),
    ],
)
def test_tables_that_cannot_be_read(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(FileError, match=f"x.csv: {reason}"):
        read_table(str(tmp_path / "x.csv"))


@pytest.mark.parametrize(
    ("shape", "dtype", "columns", "rows", "expected"),
    [
        ((3,), "float32", 3, None, (2, 3)),
        ((), "float32", 1, None, (2,)),
        ((None,), "int32", 5, None, (2, 5)),
        ((5, 1), "float32", 5, None, (2, 5, 1)),
        ((None, 1), "float32", 5, None, (2, 5, 1)),
        ((4, 3), "float32", 12, None, (2, 4, 3)),
        ((None, 3), "float32", 12, None, (2, 4, 3)),
        ((4, None), "float32", 12, None, (2, 4, 3)),
        ((None, 3), "float32", 3, "samples", (2, 1, 3)),
        ((None, 3), "float32", 3, "steps", (1, 2, 3)),
        ((None, None), "float32", 3, "steps", (1, 2, 3)),
        ((None, 2, 3), "float32", 24, None, (2, 4, 2, 3)),
    ],
)
def test_shapes(
    shape: tuple[int | None, ...],
    dtype: str,
    columns: int,
    rows: str | None,
    expected: tuple[int, ...],
) -> None:
    table = np.arange(2.0 * columns).reshape(2, columns)
    tensor = Input(shape, dtype=dtype)
    array = as_input(table, tensor, rows, "x.csv")
    assert array.shape == expected
    assert array.dtype == dtype
    np.testing.assert_array_equal(array.ravel(), table.ravel())


@pytest.mark.parametrize(
    ("shape", "columns", "rows", "reason"),
    [
        ((None, 3), 3, None, "may be a sample of one step, .* say --rows samples or --rows steps"),
        ((5, 3), 3, None, r"does not fill of shape \(samples, 5, 3\); --rows steps if the file is"),
        ((5, 3), 7, None, r"does not fill of shape \(samples, 5, 3\); write a \.npy"),
        ((None, None), 6, None, r"shape \(samples, any, any\); --rows steps"),
        ((None, 3), 4, "steps", r"is no sequence for the input of shape \(samples, any, 3\)"),
        ((3,), 3, "steps", "is no sequence"),
    ],
)
def test_shapes_that_do_not_fit(
    shape: tuple[int | None, ...], columns: int, rows: str | None, reason: str
) -> None:
    with pytest.raises(
        ShapeError, match=f"x.csv: a table of 2 rows and {columns} columns.*{reason}"
    ):
        as_input(np.zeros((2, columns)), Input(shape), rows, "x.csv")


def predicted(tmp_path: Path, model: Model, *arguments: str) -> np.ndarray:
    model.save(tmp_path / "m.keras")
    output = str(tmp_path / "y.npy")
    assert main(["predict", str(tmp_path / "m.keras"), *arguments, "-o", output]) == 0
    return np.load(output)


def test_predict(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4, 2)).astype(np.float32)
    np.savetxt(tmp_path / "x.csv", x.reshape(3, 8), delimiter=",", fmt="%.9g")
    np.savetxt(tmp_path / "one.csv", x[0], delimiter=",", fmt="%.9g")
    model = Sequential([Input((None, 2)), LSTM(3)])
    y = predicted(tmp_path, model, str(tmp_path / "x.csv"))
    np.testing.assert_array_equal(y, model.predict(x))
    y = predicted(tmp_path, model, str(tmp_path / "one.csv"), "--rows", "steps")
    np.testing.assert_array_equal(y, model.predict(x[:1]))


def test_predict_of_ids(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1,2,0\n3,1,1\n")
    model = Sequential([Input((None,), dtype="int32"), Embedding(5, 2), LSTM(3)])
    y = predicted(tmp_path, model, str(tmp_path / "x.csv"))
    np.testing.assert_array_equal(y, model.predict(np.array([[1, 2, 0], [3, 1, 1]])))


def test_predict_of_two_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = Input((2,), name="a"), Input((2, 2), name="b")
    model = Model([a, b], Dense(1)(a) + Dense(1)(Flatten()(b)))
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    np.save(tmp_path / "b.npy", np.ones((2, 2, 2), np.float32))
    files = [str(tmp_path / "a.csv"), str(tmp_path / "b.npy")]
    y = predicted(tmp_path, model, *files)
    np.testing.assert_array_equal(
        y, model.predict([np.array([[1, 2], [3, 4]]), np.ones((2, 2, 2))])
    )
    assert main(["predict", str(tmp_path / "m.keras"), files[0]]) == 2
    assert "the model has 2 inputs (a, b), 1 files were given" in capsys.readouterr().err
