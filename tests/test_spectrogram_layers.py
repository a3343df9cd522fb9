"""Layers and initializers of spectra, beside Keras's.

Keras asks SciPy for a window that has a name; where its layer is made here, the window is numbers.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from layer_twins import (
    DTYPES,
    assert_same_config,
    assert_same_layer,
    moved,
    random_array,
)

import rnnext
from rnnext import initializers, layers
from rnnext.errors import DataError, ShapeError, UnsupportedError

MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
HAMMING = [float(factor) for factor in np.hamming(12)]
SIZES: dict[str, Any] = {"frame_length": 12, "frame_step": 5, "window": HAMMING}
SOUND = random_array((3, 60, 2), seed="sound")
# `scipy.signal.get_window(name, 6, False)` of SciPy 1.17, the first half; NumPy has the others.
HALF_WINDOWS = {
    "blackmanharris": (6e-05, 0.103011489, 0.793833511),
    "flattop": (-0.000421051, -0.0677142521, 0.606872153),
    "nuttall": (0.0003628, 0.110515253, 0.798258097),
}
WINDOWS = {
    **{name: (*half, *half[::-1]) for name, half in HALF_WINDOWS.items()},
    "blackman": np.blackman(6),
    "boxcar": np.ones(6),
    "hamming": np.hamming(6),
    "hann": np.hanning(6),
}


def keywords(m: Any, **options: Any) -> list[Any]:
    """What spots a word in a sound: a spectrum, a recurrent layer, classes."""
    return [
        m.layers.Input((100, 1)),
        m.layers.STFTSpectrogram(frame_length=12, window=HAMMING, **options),
        m.layers.GRU(6),
        m.layers.Dense(3, activation="softmax"),
    ]


class TestInitializer:
    @pytest.mark.parametrize("side", ["real", "imag"])
    @pytest.mark.parametrize("scaling", ["density", "spectrum", None])
    @pytest.mark.parametrize("periodic", [False, True])
    @pytest.mark.parametrize("window", [None, HAMMING, [0.5] * 9 + [1.5] * 3])
    def test_against_keras(
        self, keras: ModuleType, side: str, scaling: Any, periodic: bool, window: Any
    ) -> None:
        options = {"side": side, "window": window, "scaling": scaling, "periodic": periodic}
        theirs = keras.initializers.STFT(**options)
        ours = initializers.STFT(**options)
        for dtype in DTYPES:
            received = ours((12, 1, 9), dtype)
            np.testing.assert_allclose(received, theirs((12, 1, 9), dtype), atol=5e-7)
        assert list(ours.get_config().items()) == list(theirs.get_config().items())
        again = initializers.get(keras.initializers.serialize(theirs))
        np.testing.assert_array_equal(again((12, 1, 9), "float64"), received)  # type: ignore[misc]

    @pytest.mark.parametrize("name", WINDOWS)
    def test_windows(self, name: str) -> None:
        def factors(length: int, periodic: bool) -> Any:
            make = initializers.STFT(window=name, scaling=None, periodic=periodic)
            return make((length, 1, 3), "float64")[:, 0, 0]

        np.testing.assert_allclose(factors(6, False), WINDOWS[name], atol=1e-9)
        np.testing.assert_allclose(factors(5, True), WINDOWS[name][:5], atol=1e-9)
        np.testing.assert_array_equal(factors(1, True), 1)

    def test_messages(self) -> None:
        with pytest.raises(UnsupportedError, match=r"side must be 'real' or 'imag', received 1\."):
            initializers.STFT(side=1)  # type: ignore[arg-type]
        with pytest.raises(UnsupportedError, match=r"window must be one of .*'hann'.*'bell'"):
            initializers.STFT(window="bell")
        with pytest.raises(UnsupportedError, match=r"scaling must be one of .*'area'"):
            initializers.STFT(scaling="area")
        with pytest.raises(ShapeError, match=r"window must have the shape \(4,\), received \(2,\)"):
            initializers.STFT(window=[1.0, 2.0])((4, 1, 3))
        with pytest.raises(ShapeError, match="a shape of 3 axes"):
            initializers.STFT()((4, 3))


class TestSTFTSpectrogram:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("expand_dims", [False, True])
    @pytest.mark.parametrize("padding", ["valid", "same"])
    @pytest.mark.parametrize(
        ("data_format", "dtype"),  # TensorFlow has no kernel of channels_first in float64
        [("channels_last", "float32"), ("channels_last", "float64"), ("channels_first", "float32")],
    )
    def test_against_keras(
        self,
        keras: ModuleType,
        mode: str,
        expand_dims: bool,
        padding: str,
        data_format: str,
        dtype: str,
    ) -> None:
        options = {
            **SIZES,
            "mode": mode,
            "expand_dims": expand_dims,
            "padding": padding,
            "data_format": data_format,
            "dtype": dtype,
        }
        x = moved(SOUND.astype(dtype), data_format)
        assert_same_layer(keras, "STFTSpectrogram", options, x)

    def test_weights_when_new(self, keras: ModuleType) -> None:
        theirs, ours = keras.layers.STFTSpectrogram(**SIZES), layers.STFTSpectrogram(**SIZES)
        x = random_array((2, 700, 1))
        np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-4, atol=1e-4)
        assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
        for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(mine, other, atol=5e-7)

    @pytest.mark.parametrize("form", ["keras", "h5"])
    def test_files_of_keras(self, keras: ModuleType, tmp_path: Path, form: str) -> None:
        theirs = keras.Sequential(keywords(keras, trainable=False))
        theirs.save(tmp_path / f"m.{form}")
        ours = rnnext.load_model(tmp_path / f"m.{form}")
        x = random_array((4, 100, 1))
        np.testing.assert_allclose(ours.predict(x), theirs(x), atol=1e-6)
        assert_same_config(theirs.layers[0], ours.layers[0])
        assert len(ours.trainable_weights) == len(theirs.trainable_weights) == 5
        ours.save(tmp_path / f"copy.{form}")
        again = keras.models.load_model(tmp_path / f"copy.{form}")
        np.testing.assert_array_equal(again(x), theirs(x))

    def test_fit_changes_the_kernels(self, keras: ModuleType) -> None:
        theirs, ours = keras.Sequential(keywords(keras)), rnnext.Sequential(keywords(rnnext))
        ours.set_weights(theirs.get_weights())
        x, y = random_array((8, 100, 1)), np.arange(8) % 3
        for model in (theirs, ours):
            model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
            model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
        for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)

    def test_a_sample_has_the_same_bits_in_any_batch(self) -> None:
        layer = layers.STFTSpectrogram(**SIZES)
        whole = layer(SOUND)
        for i in range(len(SOUND)):
            np.testing.assert_array_equal(layer(SOUND[i : i + 1])[0], whole[i])

    def test_unknown_length(self) -> None:
        x = rnnext.Input((None, 1))
        y = layers.STFTSpectrogram(**SIZES)(x)
        assert y.shape == (None, None, 9)
        assert rnnext.Model(x, y)(SOUND[:, :37, :1]).shape == (3, 6, 9)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"mode": "power"}, r"mode must be one of \('log', .*received 'power'"),
            ({"frame_step": 300}, "frame_step must be at most frame_length=256, received 300"),
            ({"fft_length": 128}, "fft_length must be at least frame_length=256, received 128"),
            ({"window": "bell"}, "window must be one of .*received 'bell'"),
            ({"scaling": "area"}, "scaling must be one of .*received 'area'"),
            ({"padding": "causal"}, "padding must be one of .*received 'causal'"),
            ({"frame_length": 0}, "frame_length must be an integer >= 1, received 0"),
        ],
    )
    def test_messages(self, options: Any, message: str) -> None:
        with pytest.raises(UnsupportedError, match=rf"\(STFTSpectrogram\): {message}"):
            layers.STFTSpectrogram(**options)

    def test_integers(self) -> None:
        with pytest.raises(DataError, match="expected floats, received int64"):
            layers.STFTSpectrogram()(np.ones((1, 300, 1), np.int64))

    def test_a_length_that_is_no_power_of_two(self) -> None:
        with pytest.warns(UserWarning, match="fft_length=300 is no power of two"):
            layers.STFTSpectrogram(fft_length=300)


SMALL: dict[str, Any] = {"fft_length": 64, "sequence_stride": 24, "num_mel_bins": 6}


class TestMelSpectrogram:
    # Keras rounds the edges of bands to float32, rnnext does not: see the layer's docstring.
    TOLERANCE = 1e-4

    @pytest.mark.parametrize("shape", [(2, 400), (400,)])
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"sequence_length": 48, "window": "hamming"},
            {"window": None, "power_to_db": False},
            # Keras on TensorFlow has no decibels in float64.
            {"power_to_db": False, "dtype": "float64"},
            {"window": [0.5] * 64, "mag_exp": 1.0, "top_db": 5.0},
            {"sampling_rate": 8000, "min_freq": 100.0, "max_freq": 3000.0},
            {"ref_power": 4.0, "min_power": 1e-3},
        ],
    )
    def test_against_keras(self, keras: ModuleType, options: Any, shape: tuple[int, ...]) -> None:
        given = {**SMALL, **options}
        theirs, ours = keras.layers.MelSpectrogram(**given), layers.MelSpectrogram(**given)
        x = random_array(shape, options.get("dtype", "float32"))
        expected, received = np.asarray(theirs(x)), ours(x)
        assert received.dtype == expected.dtype
        assert received.shape == expected.shape == ours.compute_output_shape(shape)
        size = np.abs(expected).max()
        np.testing.assert_allclose(received / size, expected / size, atol=self.TOLERANCE)
        assert_same_config(theirs, ours)

    def test_bands_against_the_formula(self, keras: ModuleType) -> None:
        """Those of Keras in float64: its function has a dtype."""
        ours = layers.MelSpectrogram().linear_to_mel_weight_matrix(12, 65, dtype="float64")
        theirs = keras.layers.MelSpectrogram().linear_to_mel_weight_matrix(12, 65, dtype="float64")
        np.testing.assert_allclose(ours, theirs, atol=1e-12)

    def test_gradient_against_keras(self, keras: ModuleType) -> None:
        import tensorflow as tf

        x = random_array((2, 200))
        given = {**SMALL, "top_db": 15.0}
        source = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(source)
            y = keras.layers.MelSpectrogram(**given)(source)
        expected = tape.gradient(y, source, tf.cos(y)).numpy()
        ours = rnnext.Variable(x)
        with rnnext.GradientTape() as tape:
            mine = layers.MelSpectrogram(**given)(ours)
        received = tape.gradient(mine, ours, np.cos(y.numpy()))
        np.testing.assert_allclose(received, expected, atol=self.TOLERANCE * abs(expected).max())

    @pytest.mark.parametrize("form", ["keras", "h5"])
    def test_files_of_keras(self, keras: ModuleType, tmp_path: Path, form: str) -> None:
        theirs = keras.Sequential(
            [
                keras.layers.Input((240,)),
                keras.layers.MelSpectrogram(**SMALL),
                keras.layers.Permute((2, 1)),
                keras.layers.LSTM(5),
                keras.layers.Dense(2),
            ]
        )
        theirs.save(tmp_path / f"m.{form}")
        ours = rnnext.load_model(tmp_path / f"m.{form}")
        x = random_array((40, 240))
        np.testing.assert_allclose(ours.predict(x), theirs.predict(x, verbose=0), atol=1e-4)
        ours.save(tmp_path / f"copy.{form}")
        again = keras.models.load_model(tmp_path / f"copy.{form}")
        np.testing.assert_array_equal(again(x), theirs(x))

    def test_the_loudest_of_a_batch(self) -> None:
        """`predict` takes Keras's batches, so that the 33rd sample does not count for the first."""
        x = random_array((33, 400))
        x[32] *= 1000
        model = rnnext.Sequential([layers.Input((400,)), layers.MelSpectrogram(**SMALL)])
        np.testing.assert_array_equal(model.predict(x)[:32], model.predict(x[:32]))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"fft_length": 0}, "fft_length must be an integer >= 1, received 0"),
            ({"sequence_stride": 0.5}, "sequence_stride must be an integer >= 1, received 0.5"),
            ({"sequence_length": 4096}, "at least sequence_length=4096, received 2048"),
        ],
    )
    def test_messages(self, options: Any, message: str) -> None:
        with pytest.raises(UnsupportedError, match=rf"\(MelSpectrogram\): .*{message}"):
            layers.MelSpectrogram(**options)
        with pytest.raises(ShapeError, match=r"received shape \(1, 2, 400\)"):
            layers.MelSpectrogram()(np.zeros((1, 2, 400), np.float32))
