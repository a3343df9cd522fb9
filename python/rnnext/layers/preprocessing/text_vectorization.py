"""TextVectorization: texts to indices of their words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext import serialization
from rnnext.arrays import as_strings
from rnnext.errors import DataError, ShapeError, UnsupportedError
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.integer_options import is_integer
from rnnext.layers.preprocessing.adaptation import batches_of
from rnnext.layers.preprocessing.file_state import KeepsFileState
from rnnext.layers.preprocessing.index_lookup import plain_list
from rnnext.layers.preprocessing.string_lookup import StringLookup
from rnnext.layers.preprocessing.text import (
    SPLITS,
    STANDARDIZATIONS,
    ngrams_of,
    split_texts,
    standardized,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["TextVectorization"]

Array = NDArray[Any]

_NOTHING = -1  # an index outside every encoding


@serialization.builtin("keras.layers")
class TextVectorization(KeepsFileState):
    """Splits texts into words and finds their indices in a vocabulary.

    Index 0 is padding, 1 an unknown word. A function as `standardize` or `split` gets and returns
    NumPy arrays of str.

    Args:
        max_tokens: Largest size of the vocabulary, special tokens included.
        standardize: "lower_and_strip_punctuation", "lower" or "strip_punctuation", of ASCII letters
            and punctuation, as in TensorFlow; a function; or None.
        split: "whitespace" (of ASCII), "character", a function, or None.
        ngrams: Whether words in a row are tokens, too: up to this many, or of the given numbers.
        output_mode: "int": indices, padded by 0. "multi_hot", "count", "tf_idf": one vector for a
            text; "one_hot": one for each token.
        output_sequence_length: To how many indices texts are padded or cut, for "int". Default:
            the longest text of a batch decides.
        pad_to_max_tokens: Whether vectors have length `max_tokens` whatever the vocabulary.
        vocabulary: A list or array of words, or the path of a text file with one on each line.
        idf_weights: Inverse document frequencies of the vocabulary, for "tf_idf".
        sparse: Kept in the config; outputs are dense.
        ragged: Must be false.
        encoding: How `get_vocabulary` decodes words that were bytes.
        name: Name of the layer.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: Texts (B,) or (B, 1), or one text: str or bytes, in lists, NumPy arrays (of str,
            bytes, objects or `StringDType`) or what NumPy makes such an array of. Without `split`
            tokens (..., n).

    Returns:
        Integers (B, n), or vectors (B, V).

    Raises:
        UnsupportedError: For options that do not go together.
        DataError: If there is no vocabulary yet, or inputs are no strings.

    Example:
        >>> from rnnext.layers import TextVectorization
        >>> layer = TextVectorization()
        >>> layer.adapt(["The cat sat.", "The dog sat!"])
        >>> layer.get_vocabulary()
        ['', '[UNK]', 'the', 'sat', 'dog', 'cat']
        >>> layer(["A cat", "the dog sat"])
        array([[1, 5, 0],
               [2, 4, 3]])
    """

    makes_new_arrays = True

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        lookup_options = {
            option: kwargs.pop(option)
            for option in ("has_input_vocabulary", "vocabulary_size")
            if option in kwargs
        }
        if str(kwargs.get("dtype")) == "string":
            del kwargs["dtype"]
        super().__init__(name=name, **kwargs)
        self.ngrams = ngrams
        self._widths = self._ngram_widths(ngrams)
        self.standardize = self._function_option(standardize, "standardize", STANDARDIZATIONS)
        self.split = self._function_option(split, "split", SPLITS)
        self.output_sequence_length = output_sequence_length
        self.ragged = ragged
        self.encoding = encoding
        self.autocast = False
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=output_mode,
            sparse=sparse,
            encoding=encoding,
            owner_label=self.label,
            **lookup_options,
        )
        self.output_mode = self._lookup_layer.output_mode
        self._check_lengths()

    def _function_option(self, value: Any, option: str, accepted: Mapping[str, Any]) -> Any:
        if value is None or callable(value) or (isinstance(value, str) and value in accepted):
            return value
        raise UnsupportedError(
            f"{self.label}: {option} must be one of {list(accepted)}, a function, or None, "
            f"received {value!r}."
        )

    def _ngram_widths(self, ngrams: Any) -> Sequence[int] | None:
        if ngrams is None:
            return None
        if is_integer(ngrams) and 0 < ngrams < 2**31:
            return range(1, ngrams + 1)
        is_list = isinstance(ngrams, (list, tuple)) and len(ngrams) > 0
        if not is_list or not all(is_integer(width) and width > 0 for width in ngrams):
            raise UnsupportedError(
                f"{self.label}: ngrams must be an integer >= 1, several, or None, received "
                f"{ngrams!r}."
            )
        return tuple(ngrams)

    def _check_lengths(self) -> None:
        length = self.output_sequence_length
        if length is not None and not (is_integer(length) and 0 <= length < 2**31):
            raise UnsupportedError(
                f"{self.label}: output_sequence_length must be an integer or None, received "
                f"{length!r}."
            )
        if length is not None and self.output_mode != "int":
            raise UnsupportedError(
                f"{self.label}: output_sequence_length={length} needs output_mode='int', received "
                f"{self.output_mode!r}."
            )
        if self.ragged:
            raise UnsupportedError(
                f"{self.label}: ragged=True is not supported; with ragged=False shorter texts are "
                "padded by 0."
            )

    # The vocabulary ------------------------------------------------------------------------------

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replaces the vocabulary; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Returns the words by their indices, with or without padding and unknown word."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Returns the number of words, special ones included."""
        return self._lookup_layer.vocabulary_size()

    def adapt(
        self,
        data: Any,
        batch_size: int | None = None,  # noqa: ARG002 - Keras's name
        steps: int | None = None,
    ) -> None:
        """Makes a vocabulary of the most frequent words of texts.

        Args:
            data: Texts (N,) or (N, 1), or an iterable of such arrays.
            batch_size: Accepted for Keras's sake.
            steps: How many arrays of an iterable to read.

        Raises:
            UnsupportedError: If the layer was made with a vocabulary.
        """
        self.reset_state()
        batches = batches_of(data, steps, self.label)
        if batches is None:
            array = as_strings(data, f"data of {self.label}")
            batches = iter([array[:, np.newaxis] if array.ndim == 1 else array])
        for batch in batches:
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forgets what `update_state` counted."""
        self._lookup_layer.reset_state()

    def update_state(self, data: Any) -> None:
        """Counts the words of a batch of texts."""
        texts = as_strings(data, f"data of {self.label}")
        tokens = self._tokens(texts)
        if isinstance(tokens, list):
            self._lookup_layer.count_documents(tokens)
        else:
            self._lookup_layer.update_state(tokens)

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    # Calling -------------------------------------------------------------------------------------

    @property
    def reads_strings(self) -> bool:
        """True."""
        return True

    @property
    def declared_input_dtype(self) -> str:
        """Name of the dtype of the inputs."""
        return "string"

    def _as_array(self, x: Any) -> Array:
        return as_strings(x, f"input of {self.label}")

    @property
    def pads_to_batch(self) -> bool:
        """Whether the longest text of a batch decides how long the outputs are."""
        as_long_as_texts = self.output_mode in ("int", "one_hot") and self.split is not None
        return as_long_as_texts and self.output_sequence_length is None

    def _tokens(self, texts: Array) -> list[list[bytes]] | Array:
        """The tokens of each text in flat order; without `split` an array of tokens."""
        texts = standardized(texts, self.standardize, self.label)
        if self.split is None:
            return texts if self._widths is None else self._dense_ngrams(texts)
        rows = split_texts(self._one_text_a_row(texts), self.split, self.label)
        return rows if self._widths is None else [ngrams_of(row, self._widths) for row in rows]

    def _one_text_a_row(self, texts: Array) -> Array:
        if texts.ndim < 2:
            return texts
        if texts.shape[-1] != 1:
            raise ShapeError(
                f"{self.label}: expected texts of shape (batch,) or (batch, 1), received "
                f"{texts.shape}; split=None takes several tokens for each sample."
            )
        return texts[..., 0]

    def _dense_ngrams(self, tokens: Array) -> Array:
        """Runs of tokens along the last axis, (..., n)."""
        assert self._widths is not None
        if tokens.ndim == 0:
            raise ShapeError(f"{self.label}: ngrams without split need tokens (..., n).")
        rows = [
            ngrams_of(row, self._widths) for row in tokens.reshape(-1, tokens.shape[-1]).tolist()
        ]
        count = len(ngrams_of([b""] * tokens.shape[-1], self._widths))
        grams = np.empty((len(rows), count), object)
        for i, row in enumerate(rows):
            grams[i, :] = row
        return grams.reshape(*tokens.shape[:-1], count)

    def call(self, inputs: Array) -> Array:
        """Returns the indices of the words, or their encoding."""
        tokens = self._tokens(inputs)
        if isinstance(tokens, np.ndarray):
            outputs = self._lookup_layer.call(tokens)
            return outputs if self.output_mode != "int" else self._with_length(outputs)
        leading = inputs.shape[:-1] if inputs.ndim > 1 else inputs.shape
        ids = self._padded_indices(tokens)
        if self.output_mode == "int":
            return ids.reshape(*leading, ids.shape[-1])
        if len(leading) > 1:
            raise ShapeError(
                f"{self.label}: output_mode={self.output_mode!r} takes texts of shape (batch,) or "
                f"(batch, 1), received {inputs.shape}."
            )
        return self._lookup_layer.encoded(ids if leading else ids[0])

    def _padded_indices(self, rows: list[list[bytes]]) -> Array:
        """Indices (rows, n), shorter rows padded, longer ones cut."""
        is_int = self.output_mode == "int"
        lengths = [len(row) for row in rows]
        if self.output_mode == "one_hot" and len(set(lengths)) > 1:
            raise DataError(
                f"{self.label}: output_mode='one_hot' takes texts of one number of tokens, "
                f"received {min(lengths)} to {max(lengths)}."
            )
        length = self.output_sequence_length
        width = max(lengths, default=0) if length is None else length
        ids = np.full((len(rows), width), 0 if is_int else _NOTHING, np.int64)
        flat = np.empty(sum(lengths), object)
        flat[:] = [token for row in rows for token in row]
        found = self._lookup_layer.call(flat) if is_int else self._lookup_layer.indices(flat)
        start = 0
        for i, count in enumerate(lengths):
            kept = min(count, width)
            ids[i, :kept] = found[start : start + kept]
            start += count
        return ids

    def _with_length(self, ids: Array) -> Array:
        """Indices (..., n), padded or cut along the last axis."""
        length = self.output_sequence_length
        if length is None:
            return ids
        if ids.ndim == 0:
            raise ShapeError(f"{self.label}: output_sequence_length needs tokens (..., n).")
        padding = [(0, 0)] * (ids.ndim - 1) + [(0, max(length - ids.shape[-1], 0))]
        return np.pad(ids[..., :length], padding)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the outputs.

        Keras 3 says (None, 1, V) of vectors for inputs (None, 1), and returns (B, V).
        """
        shape = tuple(input_shape)
        if self.split is not None:
            tokens = (*(shape[:-1] if len(shape) > 1 else shape), None)
        else:
            tokens = shape if self._widths is None else (*shape[:-1], None)
        if self.output_mode != "int":
            return self._lookup_layer.compute_output_shape(tokens)
        length = self.output_sequence_length
        return tokens if length is None or not tokens else (*tokens[:-1], length)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns a symbolic tensor for the outputs."""
        if inputs.dtype != "string":
            raise DataError(
                f"{self.label}: expected strings, received {inputs.name!r} of dtype "
                f"{inputs.dtype!r}; Input(..., dtype='string') declares strings."
            )
        shape = self.compute_output_shape(inputs.shape)
        return KerasTensor(shape, self._lookup_layer.result_dtype, self.name)

    # Config and files ----------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        lookup = self._lookup_layer
        return {
            **super().get_config(),
            "max_tokens": lookup.max_tokens,
            "standardize": serialization.serialize(self.standardize),
            "split": serialization.serialize(self.split),
            "ngrams": self.ngrams,
            "output_mode": self.output_mode,
            "output_sequence_length": self.output_sequence_length,
            "pad_to_max_tokens": lookup.pad_to_max_tokens,
            "sparse": lookup.sparse,
            "ragged": self.ragged,
            "vocabulary": plain_list(lookup.input_vocabulary),
            "idf_weights": plain_list(lookup.input_idf_weights),
            "encoding": self.encoding,
            "vocabulary_size": lookup.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes the layer that `get_config` described; a config cannot name a file to read."""
        config = dict(config)
        if isinstance(config.get("vocabulary"), str):
            raise UnsupportedError(
                f"{cls.__name__}: the config names the vocabulary file {config['vocabulary']!r}, "
                "which is not read; a config has a list of terms."
            )
        for option in ("standardize", "split"):
            if option in config:
                value = serialization.deserialize(config[option])
                # An .h5 file of Keras 2 has a function's name alone.
                config[option] = serialization.custom_object(value) or value
        return cls(**config)

    def expects_state(self, with_assets: bool) -> bool:
        """Whether a file of such a layer holds its vocabulary or weights."""
        return self._lookup_layer.expects_state(with_assets)

    def file_arrays(self) -> dict[str, Array]:
        """Returns the weights of the outputs, if there are any."""
        return self._lookup_layer.file_arrays()

    def file_assets(self) -> dict[str, bytes]:
        """Returns the vocabulary, unless the config has it."""
        return self._lookup_layer.file_assets()

    def state_setter(
        self, arrays: Sequence[Array], assets: Mapping[str, bytes]
    ) -> Callable[[], None]:
        """Checks a vocabulary and weights of a file, and returns a function that sets them."""
        return self._lookup_layer.state_setter(arrays, assets)

    def copy_state(self, other: Any) -> None:
        """Takes over the vocabulary and weights of a layer of Keras or rnnext."""
        self._lookup_layer.copy_state(other._lookup_layer)
