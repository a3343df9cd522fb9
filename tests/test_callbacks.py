"""Callbacks and the progress bar, driven by the same logs as Keras's, side by side."""

from __future__ import annotations

import importlib
import io
import json
import math
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnext import callbacks, progbar
from rnnext.errors import FileError, UnsupportedError
from rnnext.layers import Dense, Input
from rnnext.models import Sequential
from rnnext.optimizers.schedules import ExponentialDecay
from rnnext.utils import Progbar


class FakeOptimizer:
    """Keeps its learning rate as Keras does, in float32."""

    def __init__(self, rate: Any = 0.1, name: str = "sgd") -> None:
        self.learning_rate, self.name, self.built, self.iterations = rate, name, True, 7

    def __setattr__(self, name: str, value: Any) -> None:
        is_rate = name == "learning_rate" and not callable(value)
        super().__setattr__(name, np.float32(value) if is_rate else value)


class FakeModel:
    """What callbacks use of a model; its weights are the number of epochs so far."""

    def __init__(self, optimizer: Any = None) -> None:
        self.optimizer = optimizer or FakeOptimizer()
        self.weights = [np.zeros(1)]
        self.stop_training = False
        self.built = True
        self.saved: list[str] = []
        self._initial_epoch = 0

    def get_weights(self) -> list[Any]:
        return [w.copy() for w in self.weights]

    def set_weights(self, weights: list[Any]) -> None:
        self.weights = [w.copy() for w in weights]

    def save(self, filepath: str, overwrite: bool = True) -> None:
        assert overwrite
        self.saved.append(Path(filepath).name)

    def save_weights(self, filepath: str, overwrite: bool = True) -> None:
        self.save(filepath, overwrite)
        Path(filepath).write_text(str(self.weights[0][0]))

    def load_weights(self, filepath: str) -> None:
        self.weights = [np.array([float(Path(filepath).read_text())])]


LOSSES = [3.0, 2.0, 2.0 - 1e-9, 2.5, 1.5, 1.6, 1.7, 1.8, 1.9, 1.0]
STATE = ("wait", "best", "best_epoch", "stopped_epoch", "min_delta", "cooldown_counter", "epoch")


def drive(package: Any, callback: Any, values: Any = LOSSES, batches: int = 3) -> dict[str, Any]:
    """Runs epochs as `fit` does; returns what can be seen of the callback and the model."""
    model, states = FakeModel(), []
    history = package.History()
    each = package.CallbackList([callback, history], model=model, epochs=len(values), verbose=0)
    each.on_train_begin()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for epoch, value in enumerate(values):
            model.weights = [np.array([float(epoch)])]
            each.on_epoch_begin(epoch)
            for batch in range(batches):
                each.on_train_batch_begin(batch)
                each.on_train_batch_end(batch, {"loss": np.float32(value)})
            logs = {"loss": np.float32(value), "val_loss": value, "val_accuracy": -value}
            each.on_epoch_end(epoch, logs)
            states.append([getattr(callback, name, None) for name in STATE])
            if model.stop_training:
                break
    each.on_train_end()
    return {
        "states": states,
        "stopped": model.stop_training,
        "weights": float(model.weights[0][0]),
        "rate": float(np.float32(model.optimizer.learning_rate)),
        "saved": model.saved,
        "history": history.history,
        "warnings": [str(w.message) for w in caught if w.category is UserWarning],
    }


def both(
    keras: ModuleType, capsys: Any, make: Callable[[Any], Any], values: Any = LOSSES
) -> dict[str, Any]:
    """Checks that both packages' callbacks do and print the same; returns what they did."""
    results, printed = [], []
    for package in (keras.callbacks, callbacks):
        capsys.readouterr()
        results.append(drive(package, make(package), values))
        printed.append(capsys.readouterr().out)
    assert printed[1] == printed[0]
    assert results[1] == results[0]
    return results[1]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"patience": 2},
        {"patience": 2, "restore_best_weights": True},
        {"patience": 20, "restore_best_weights": True},  # never stops early
        {"patience": 1, "min_delta": 0.6},
        {"patience": 1, "baseline": 1.8, "restore_best_weights": True},
        {"patience": 1, "start_from_epoch": 4},
        {"patience": 2, "mode": "max", "restore_best_weights": True},
        {"patience": 2, "monitor": "loss"},
        {"patience": 2, "monitor": "val_accuracy", "mode": "max", "min_delta": -0.1},
        {"monitor": "nothing", "mode": "min"},
    ],
)
def test_early_stopping(keras: ModuleType, capsys: Any, options: dict[str, Any]) -> None:
    both(keras, capsys, lambda package: package.EarlyStopping(verbose=1, **options))


@pytest.mark.parametrize("values", [[], [1.0], [math.nan] * 4, [1.0, math.nan, math.nan, 0.5]])
def test_early_stopping_of_few_or_no_numbers(keras: ModuleType, values: Any) -> None:
    found = [
        drive(package, package.EarlyStopping(patience=1, restore_best_weights=True), values)
        for package in (keras.callbacks, callbacks)
    ]
    assert str(found[0]) == str(found[1])  # NaN is not NaN


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 2},
        {"patience": 1, "factor": 0.5, "cooldown": 1},
        {"patience": 0, "min_lr": 0.05, "factor": 0.7},
        {"patience": 1, "mode": "max"},
        {"patience": 1, "monitor": "nothing", "mode": "min"},
        {"patience": 1, "min_delta": 0.7, "epsilon": 1},
    ],
)
def test_reduce_on_plateau(keras: ModuleType, capsys: Any, options: dict[str, Any]) -> None:
    both(keras, capsys, lambda package: package.ReduceLROnPlateau(verbose=1, **options))


@pytest.mark.parametrize(
    "schedule",
    [
        lambda epoch, rate: rate * math.exp(-0.1 * epoch),
        lambda epoch: 0.1 / (1 + epoch),
        lambda epoch, rate: np.float32(rate / (epoch + 1)),
        lambda epoch, rate: np.float64(rate / (epoch + 1)),
    ],
)
def test_learning_rate_scheduler(keras: ModuleType, capsys: Any, schedule: Any) -> None:
    found = both(keras, capsys, lambda package: package.LearningRateScheduler(schedule, verbose=1))
    assert len(found["history"]["learning_rate"]) == len(LOSSES)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("m.keras", {}),
        ("m.h5", {"save_best_only": True}),
        ("{epoch:02d}-{val_loss:.2f}.keras", {"save_best_only": True}),
        ("{epoch:02d}-{val_loss:.2f}.weights.h5", {"save_weights_only": True}),
        ("m.keras", {"save_best_only": True, "initial_value_threshold": 1.6}),
        ("{epoch}.keras", {"save_best_only": True, "mode": "max", "monitor": "loss"}),
        ("{epoch}-{batch}-{loss:.1f}.keras", {"save_freq": 4}),
        ("{epoch}-{batch}.keras", {"save_freq": 2, "save_best_only": True, "monitor": "loss"}),
        ("{epoch}.keras", {"save_best_only": True, "monitor": "nothing", "mode": "min"}),
    ],
)
def test_model_checkpoint(
    keras: ModuleType, capsys: Any, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    path = tmp_path / "new" / name
    if options.get("save_freq") == 2:  # Keras cannot do it: it knows the direction too late
        found = drive(callbacks, callbacks.ModelCheckpoint(path, **options), LOSSES[:4])
        assert found["saved"] == ["1-2.keras", "2-1.keras"]
        return
    found = both(keras, capsys, lambda p: p.ModelCheckpoint(path, verbose=1, **options))
    assert found["saved"]


def test_checkpoints_of_a_model(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), Dense(2)])
    for name, alone in (("m.keras", False), ("m.weights.h5", True)):
        saver = callbacks.ModelCheckpoint(tmp_path / name, save_weights_only=alone)
        saver.set_model(model)
        saver.on_epoch_begin(0)
        saver.on_epoch_end(0, {"val_loss": 1.0})
        assert (tmp_path / name).exists()
    again = Sequential([Input((3,)), Dense(2)])
    again.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_checkpoint_errors(tmp_path: Path) -> None:
    (tmp_path / "m.keras").mkdir()
    with pytest.raises(FileError, match="is a folder"):
        drive(callbacks, callbacks.ModelCheckpoint(tmp_path / "m.keras"))
    with pytest.raises(UnsupportedError, match=r"names 'auc', which is not among \['epoch', 'lo"):
        drive(callbacks, callbacks.ModelCheckpoint(tmp_path / "{auc}.keras"))


@pytest.mark.parametrize("options", [{}, {"separator": ";"}, {"append": True}])
def test_csv_logger(keras: ModuleType, tmp_path: Path, options: dict[str, Any]) -> None:
    texts = []
    for package, name in ((keras.callbacks, "a.csv"), (callbacks, "b.csv")):
        for _ in range(2):
            logger = package.CSVLogger(tmp_path / name, **options)
            logger.on_train_begin()
            logger.on_epoch_end(0, {"loss": 0.5, "auc": [1, 2], "s": "x"})
            logger.on_epoch_end(1, {"loss": np.float32(0.25), "auc": np.array(2.0)})
            logger.on_train_end()
        texts.append((tmp_path / name).read_bytes())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("value", [math.nan, math.inf, 1.0])
def test_terminate_on_nan(keras: ModuleType, capsys: Any, value: float) -> None:
    found = []
    for package in (keras.callbacks, callbacks):
        result = drive(package, package.TerminateOnNaN(), [1.0, value])
        found.append((result["stopped"], capsys.readouterr().out))
    assert found[0] == found[1]
    if value != 1.0:
        with pytest.raises(RuntimeError, match="NaN or Inf loss encountered at batch 0"):
            drive(callbacks, callbacks.TerminateOnNaN(raise_error=True), [value])


def test_lambda_callback_and_subclasses(keras: ModuleType) -> None:
    seen: list[list[Any]] = []
    for package in (keras.callbacks, callbacks):
        calls: list[Any] = []
        names = [n for n in dir(callbacks.Callback) if n.startswith("on_")]
        functions = {
            name: (lambda *args, _n=name, _c=calls, **kwargs: _c.append((_n, args, kwargs)))
            for name in names
        }
        callback = package.LambdaCallback(**functions)
        drive(package, callback, [1.0, 2.0])
        seen.append([(name, args[0] if args else None) for name, args, _ in calls])
    assert seen[0] == seen[1]


def test_backup_and_restore(keras: ModuleType, tmp_path: Path) -> None:
    for package in (keras.callbacks, callbacks):
        folder = tmp_path / package.__name__
        backup = package.BackupAndRestore(str(folder), double_checkpoint=True)
        first = FakeModel()
        backup.set_model(first)
        backup.on_train_begin()
        for epoch in range(3):
            first.weights = [np.array([float(epoch)])]
            backup.on_epoch_begin(epoch)
            backup.on_train_batch_end(0, {})
            backup.on_epoch_end(epoch, {})
        files = {p.name: p.read_text() for p in sorted(folder.iterdir())}
        assert json.loads(files["training_metadata.json"]) == {"epoch": 3, "batch": 0}
        assert files["latest.weights.h5.bkp"] == "1.0"
        again = package.BackupAndRestore(str(folder))
        second = FakeModel()
        again.set_model(second)
        again.on_train_begin()
        assert (second._initial_epoch, float(second.weights[0][0])) == (3, 2.0)
        again.on_train_end()
        assert not folder.exists()


def test_swap_of_averages() -> None:
    class Weight:
        def __init__(self, value: float) -> None:
            self.value = np.array([value])

        def assign(self, value: Any) -> None:
            self.value = np.array(value)

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return self.value

    optimizer: Any = FakeOptimizer()
    optimizer.use_ema = True
    optimizer._trainable_variables = [Weight(1.0)]
    optimizer._model_variables_moving_average = [Weight(2.0)]
    pair = [optimizer._trainable_variables[0], optimizer._model_variables_moving_average[0]]
    swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
    swap.set_model(FakeModel(optimizer))
    swap.set_params({"epochs": 2})
    seen = []
    for call, arguments in (
        ("on_test_begin", ()),
        ("on_test_end", ()),
        ("on_epoch_end", (0,)),
        ("on_epoch_begin", (1,)),
        ("on_predict_begin", ()),
        ("on_predict_end", ()),
        ("on_epoch_end", (1,)),
    ):
        getattr(swap, call)(*arguments)
        seen.append([float(w.value[0]) for w in pair])
    assert seen == [[2, 1], [1, 2], [2, 1], [1, 2], [2, 1], [1, 2], [2, 2]]
    swap = callbacks.SwapEMAWeights()
    swap.set_model(FakeModel())
    with pytest.raises(UnsupportedError, match="use_ema=True"):
        swap.on_test_begin()


def test_metrics_by_direction() -> None:
    class Mine:
        name, _direction = "mine", "up"

    stop = callbacks.EarlyStopping("val_mine")
    model: Any = FakeModel()
    model.metrics = [type("Container", (), {"metrics": [Mine()], "name": "all"})()]
    stop.set_model(model)
    stop.on_train_begin()
    stop.on_epoch_end(0, {"val_mine": 1.0})
    stop.on_epoch_end(1, {"val_mine": 2.0})
    assert (stop.best, stop.wait) == (2.0, 0)
    for monitor, best in (("val_accuracy", 2.0), ("val_mae", 1.0)):
        stop = callbacks.EarlyStopping(monitor)
        stop.set_model(FakeModel())
        stop.on_train_begin()
        stop.on_epoch_end(0, {monitor: 1.0})
        stop.on_epoch_end(1, {monitor: 2.0})
        assert stop.best == best
    stop = callbacks.EarlyStopping("val_own")
    stop.set_model(FakeModel())
    with pytest.raises(UnsupportedError, match=r"monitor='val_own' is better; pass mode='max'"):
        stop.on_epoch_end(0, {"val_own": 1.0})


def test_errors_of_others() -> None:
    with pytest.raises(UnsupportedError, match="'adam' is no callback, it has no on_batch_begin"):
        callbacks.CallbackList(["adam"])
    with pytest.raises(UnsupportedError, match="schedule must return a float, received 'x'"):
        drive(callbacks, callbacks.LearningRateScheduler(lambda *_: "x"))
    decay = FakeModel(FakeOptimizer(ExponentialDecay(0.1, 10, 0.5)))
    scheduler = callbacks.LearningRateScheduler(lambda _epoch, rate: rate)
    scheduler.set_model(decay)
    with pytest.raises(UnsupportedError, match="is a schedule, ExponentialDecay, and cannot be"):
        scheduler.on_epoch_begin(0)
    with pytest.raises(UnsupportedError, match=r"write_images=True is not supported"):
        callbacks.TensorBoard(write_images=True)


@pytest.mark.parametrize("package", ["requests", "tensorboard"])
def test_a_missing_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for module in [m for m in sys.modules if m.startswith(package + ".")]:
        monkeypatch.setitem(sys.modules, module, None)
    callback: Any = {"requests": callbacks.RemoteMonitor, "tensorboard": callbacks.TensorBoard}
    callback = callback[package]()
    use = callback.on_epoch_end if package == "requests" else callback.set_model
    with pytest.raises(UnsupportedError, match=f"needs the package {package}: pip install"):
        use(FakeModel())


@pytest.mark.parametrize("as_json", [False, True])
def test_remote_monitor(as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    class Requests:
        class exceptions:  # noqa: N801
            RequestException = OSError

        @staticmethod
        def post(url: str, **options: Any) -> None:
            sent.append((url, options))
            if len(sent) > 1:
                raise OSError

    monkeypatch.setitem(sys.modules, "requests", Requests)  # type: ignore[arg-type]
    monitor = callbacks.RemoteMonitor(send_as_json=as_json)
    monitor.on_epoch_end(3, {"loss": np.float32(0.5)})
    content = {"epoch": 3, "loss": 0.5}
    body = {"json": content} if as_json else {"data": {"data": json.dumps(content)}}
    assert sent == [("http://localhost:9000/publish/epoch/end/", {"headers": None, **body})]
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server"):
        monitor.on_epoch_end(4)


@pytest.mark.filterwarnings("ignore")
def test_event_files_can_be_read_again(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    model: Any = Sequential([Input((3,)), Dense(2, name="d")], name="model")
    vars(model)["optimizer"] = FakeOptimizer()
    board = callbacks.TensorBoard(
        tmp_path, histogram_freq=1, update_freq=2, write_steps_per_second=True
    )
    each = callbacks.CallbackList([board], model=model, epochs=1, verbose=0)
    each.on_train_begin()
    each.on_epoch_begin(0)
    for batch in range(4):
        each.on_train_batch_begin(batch)
        each.on_train_batch_end(batch, {"loss": 0.5})
    each.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75})
    each.on_train_end()
    loader = importlib.import_module("tensorboard.backend.event_processing.event_file_loader")
    found: dict[str, list[Any]] = {}
    for folder in ("train", "validation"):
        (path,) = (tmp_path / folder).iterdir()
        assert path.name.endswith(".v2")
        for event in loader.EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                plugin = value.metadata.plugin_data.plugin_name
                found.setdefault(f"{folder}/{value.tag}", []).append((event.step, plugin))
    assert found["train/keras"] == [(0, "graph_keras_model")]
    assert found["train/batch_loss"] == [(2, "scalars"), (4, "scalars")]
    assert found["train/epoch_learning_rate"] == [(0, "scalars")]
    assert found["validation/epoch_loss"] == [(0, "scalars")]
    assert found["train/model/d/kernel/histogram"] == [(0, "histograms")]
    assert "train/epoch_steps_per_second" in found


# Progress bar ------------------------------------------------------------------------------------


class Clock:
    """Seconds that pass in both packages alike."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 1000.0, seconds

    def time(self) -> float:
        self.now += self.seconds
        return self.now


def text_of(
    bar_class: Any, module: Any, monkeypatch: Any, seconds: float, run: Callable[[Any], None]
) -> str:
    output = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(module, "time", Clock(seconds))
        patch.setattr(sys, "stdout", output)
        run(bar_class)
    return output.getvalue()


@pytest.mark.parametrize("seconds", [1e-5, 0.02, 0.3, 7.0, 900.0])
@pytest.mark.parametrize("verbose", [0, 1, 2])
@pytest.mark.parametrize("target", [1, 7, 12, 100, None])
@pytest.mark.parametrize("in_place", [True, False])
def test_progress_bar_is_that_of_keras(
    keras: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    verbose: int,
    target: int | None,
    in_place: bool,
) -> None:
    theirs = importlib.import_module("keras.src.utils.progbar")

    def run(bar_class: Any) -> None:
        for options in ({}, {"stateful_metrics": ["b"]}, {"stateless_metrics": ["b"]}):
            bar = bar_class(target, verbose=verbose, **options)
            bar._dynamic_display = bar._in_place = in_place
            for step in range(1, (target or 5) + 1):
                values = [("loss", 3.0 / step), ("b", -1e-5 * step)]
                bar.update(step, values)
            bar.update(target or 5, [("loss", 1e-4), ("long_name", np.float32(12))], finalize=True)

    assert keras
    found = [
        text_of(bar, module, monkeypatch, seconds, run)
        for bar, module in ((theirs.Progbar, theirs), (Progbar, progbar))
    ]
    assert found[1] == found[0]


@pytest.mark.parametrize("verbose", [0, 1, 2, "auto"])
@pytest.mark.parametrize("steps", [3, None])
def test_text_of_fit_evaluate_and_predict(
    keras: ModuleType, monkeypatch: pytest.MonkeyPatch, verbose: Any, steps: int | None
) -> None:
    theirs = importlib.import_module("keras.src.utils.progbar")

    def run(package: Any) -> None:
        fit = package.CallbackList(add_progbar=True, verbose=verbose, epochs=2, steps=steps)
        fit.on_train_begin()
        for epoch in range(2):
            fit.on_epoch_begin(epoch)
            for batch in range(3):
                fit.on_train_batch_end(batch, {"loss": 1 / (batch + 1), "accuracy": 0.5})
            fit.on_test_begin()
            fit.on_test_batch_end(0, {"loss": 1.0})
            fit.on_test_end({"loss": 1.0})
            fit.on_epoch_end(epoch, {"loss": 0.4, "accuracy": 0.5, "val_loss": 1.0})
        for kind in ("test", "predict"):
            each = package.CallbackList(add_progbar=True, verbose=verbose, epochs=1, steps=steps)
            getattr(each, f"on_{kind}_begin")()
            for batch in range(3):
                getattr(each, f"on_{kind}_batch_end")(batch, {"loss": 0.5})
            getattr(each, f"on_{kind}_end")({"loss": 0.5} if kind == "test" else None)

    found = [
        text_of(package, module, monkeypatch, 0.2, run)
        for package, module in ((keras.callbacks, theirs), (callbacks, progbar))
    ]
    assert found[1] == found[0]


def test_a_console_without_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Narrow(io.TextIOWrapper):
        pass

    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Narrow(raw, encoding="cp1252", newline=""))
    progbar.print_message("1/1 ━━ é")
    assert raw.getvalue().decode("cp1252") == "1/1 == é\n"
