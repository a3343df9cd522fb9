"""What StringLookup and IntegerLookup share: terms to indices by a vocabulary, and back."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnext.arrays import as_array, as_strings, cast
from rnnext.dtypes import standard_dtype_name
from rnnext.errors import DataError, UnsupportedError
from rnnext.graph.tensor import KerasTensor
from rnnext.layers.integer_options import is_integer
from rnnext.layers.preprocessing.adaptation import batches_of
from rnnext.layers.preprocessing.encoding import encode, encoded_shape, output_mode_option
from rnnext.layers.preprocessing.file_state import KeepsFileState
from rnnext.layers.preprocessing.fingerprints import bucket_hash, salt_option
from rnnext.layers.preprocessing.vocabulary import (
    Token,
    TokenCounts,
    tokens_of_array,
    tokens_of_path,
    tokens_of_text,
)
from rnnext.layers.weight_budget import weight_budget

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["IndexLookup", "plain_list"]

Array = NDArray[Any]

_VOCABULARY = "vocabulary.txt"
_UNKNOWN = -1
_MOST_INDICES = 2**31
_DROPPED = np.iinfo(np.int64).max  # lies outside every encoding


class IndexLookup(KeepsFileState):
    """Terms to indices: the mask token, then those of unknown terms, then the vocabulary.

    The classes below have the arguments; see `StringLookup`.
    """

    makes_new_arrays = True
    _is_text: bool
    # Options of the base class that the config of the class does not have.
    _without_options: tuple[str, ...] = ()

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._owner_label = kwargs.pop("owner_label", None)  # of the layer that holds this one
        self._stated_size = kwargs.pop("vocabulary_size", None)
        self._is_fixed = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        kwargs.pop("dtype", None)  # of older Keras's outputs
        super().__init__(name=name, **kwargs)
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = bool(invert)
        modes = ("int", "one_hot", "multi_hot", "count", "tf_idf")
        self.output_mode = output_mode_option(output_mode, modes, self.label)
        self.sparse = bool(sparse)
        self.pad_to_max_tokens = bool(pad_to_max_tokens)
        self.oov_method = oov_method
        self.salt = salt_option(salt, self.label)
        self._check_options(idf_weights)
        self.input_vocabulary = None if isinstance(vocabulary, (str, os.PathLike)) else vocabulary
        self.input_idf_weights = idf_weights
        self.idf_weights: Array | None = None
        self._tokens: list[Token] | None = None
        self._table: dict[Token, int] = {}
        self._counts = TokenCounts()
        self.autocast = False
        self.built = True
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    @property
    def label(self) -> str:
        """How error messages call it: as the layer that it is part of, if there is one."""
        return self._owner_label or super().label

    def _check_options(self, idf_weights: Any) -> None:
        largest = self.max_tokens
        if largest is not None and not (is_integer(largest) and largest > 1):
            raise self._unsupported(f"max_tokens must be an integer > 1 or None, not {largest!r}")
        if not is_integer(self.num_oov_indices) or not 0 <= self.num_oov_indices < _MOST_INDICES:
            raise self._unsupported(
                f"num_oov_indices must be an integer >= 0, received {self.num_oov_indices!r}"
            )
        for option in ("mask_token", "oov_token"):
            token = getattr(self, option)
            if token is not None and not self._is_term(token):
                kind = "a string" if self._is_text else "an integer"
                raise self._unsupported(f"{option} must be {kind} or None, received {token!r}")
        if self.pad_to_max_tokens and largest is None:
            raise self._unsupported("pad_to_max_tokens=True needs max_tokens")
        if self.oov_method not in ("floormod", "farmhash"):
            raise self._unsupported(
                f"oov_method must be 'floormod' or 'farmhash', received {self.oov_method!r}"
            )
        if self.salt is not None and not self._is_text and self.oov_method != "farmhash":
            raise self._unsupported("salt needs oov_method='farmhash'")
        if self.invert and self.output_mode != "int":
            raise self._unsupported(
                f"invert=True needs output_mode='int', received {self.output_mode!r}"
            )
        if self.sparse and self.output_mode == "int":
            raise self._unsupported("sparse=True needs another output_mode than 'int'")
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise self._unsupported(
                f"idf_weights need output_mode='tf_idf', received {self.output_mode!r}"
            )

    def _is_term(self, token: Any) -> bool:
        if not self._is_text:
            return is_integer(token)
        return isinstance(token, str) and token.encode("utf-8", "ignore").decode() == token

    def _unsupported(self, what: str) -> UnsupportedError:
        return UnsupportedError(f"{self.label}: {what}.")

    # The vocabulary ------------------------------------------------------------------------------

    @property
    def _oov_start(self) -> int:
        """The first index of unknown terms; in other modes than int the mask token has none."""
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _token_start(self) -> int:
        """The index of the vocabulary's first term."""
        return self._oov_start + self.num_oov_indices

    def _key(self, token: Any) -> Token:
        """A special token as arrays have it."""
        return token.encode() if isinstance(token, str) else token

    def _special_keys(self) -> list[Token]:
        keys = [self._key(self.mask_token)] * self._oov_start
        return keys + [self._key(self.oov_token)] * self.num_oov_indices

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replaces the vocabulary.

        Args:
            vocabulary: The terms, each once, with or without the special ones before them; or the
                path of a text file with a term on each line.
            idf_weights: Their inverse document frequencies, if output_mode is "tf_idf". If the
                special terms are missing, theirs is the mean.

        Raises:
            DataError: If a term occurs twice, a special one in the wrong place, there are more than
                `max_tokens`, or another number of weights.
            UnsupportedError: If there are weights in another mode, or none in this one.
        """
        if (self.output_mode == "tf_idf") != (idf_weights is not None):
            raise self._unsupported(
                f"idf_weights go with output_mode='tf_idf'; received idf_weights={idf_weights!r} "
                f"with output_mode={self.output_mode!r}"
            )
        if isinstance(vocabulary, (str, os.PathLike)):
            if idf_weights is not None:
                raise self._unsupported("a vocabulary file cannot go with idf_weights")
            self._set_tokens(tokens_of_path(vocabulary, self._is_text, self.label))
            return
        given = tokens_of_array(vocabulary, self._is_text, self.label)
        if not given:
            raise DataError(f"{self.label}: the vocabulary is empty.")
        tokens = self._without_specials(given)
        weights = None
        if idf_weights is not None:
            weights = self._padded_weights(idf_weights, len(given), len(tokens))
        self._set_tokens(tokens)
        self.idf_weights = weights

    def _without_specials(self, given: list[Token]) -> list[Token]:
        """The terms after the special ones, if these stand in front."""
        front, first = given[: self._token_start], self._oov_start
        has_all = len(front) == self._token_start
        has_mask = front[:first] == [self._key(self.mask_token)] * first
        oov = self._key(self.oov_token)
        has_oov = all(token == oov for token in front[first:])
        return given[len(front) :] if has_all and has_mask and has_oov else given

    def _padded_weights(self, idf_weights: Any, given: int, tokens: int) -> Array:
        """Weights of all outputs: of special terms in front, of padding at the end."""
        weights = as_array(idf_weights, f"idf_weights of {self.label}")
        if weights.shape != (given,):
            raise DataError(
                f"{self.label}: idf_weights must have one number for each of the {given} terms, "
                f"received shape {weights.shape}."
            )
        front = self._token_start if given == tokens else 0
        return self._with_borders(weights, front, np.mean(weights, dtype=np.float64))

    def _with_borders(self, weights: Array, front: int, value: Any) -> Array:
        """Weights with a value for special terms in front, and zeros where outputs are padding."""
        largest = self.max_tokens if self.pad_to_max_tokens else None
        back = 0 if largest is None else max(largest - front - len(weights), 0)
        budget = weight_budget()
        if budget is not None:  # a file may ask for any size
            budget.spend((front + len(weights) + back,), np.dtype(np.float64), self.label)
        padded = np.concatenate([np.full(front, value), weights, np.zeros(back)])
        return padded.astype(standard_dtype_name(None))

    def _set_tokens(self, tokens: list[Token]) -> None:
        """Checks terms without the special ones, and makes them the vocabulary."""
        self._table = self._table_of(tokens)
        self._tokens = tokens
        self._stated_size = self._token_start + len(tokens)

    def _table_of(self, tokens: list[Token]) -> dict[Token, int]:
        """The index of each term, the mask token among them, or DataError."""
        table = {token: self._token_start + i for i, token in enumerate(tokens)}
        if len(table) != len(tokens):
            twice = [token for token, times in Counter(tokens).items() if times > 1]
            raise DataError(f"{self.label}: the vocabulary has terms more than once: {twice[:10]}.")
        mask = self._key(self.mask_token)
        reserved = [mask] if self.mask_token is not None else []
        if self.invert and self.oov_token is not None:
            reserved.append(self._key(self.oov_token))
        for token in reserved:
            if token in table:
                raise DataError(
                    f"{self.label}: the vocabulary has the special term {token!r} in the middle; "
                    "leave special terms out, or put all of them in front: "
                    f"{self._special_keys()}."
                )
        self._check_size(self._token_start + len(tokens))
        if self.mask_token is not None:
            table[mask] = 0 if self.output_mode == "int" else _DROPPED
        return table

    def _check_size(self, size: int) -> None:
        if self.max_tokens is not None and size > self.max_tokens:
            raise DataError(
                f"{self.label}: the vocabulary has {size} terms with the special ones, and "
                f"max_tokens is {self.max_tokens}."
            )
        gives_size = self.output_mode != "int" and not self.pad_to_max_tokens
        if gives_size and self._stated_size not in (None, size):
            raise DataError(
                f"{self.label}: a vocabulary of {size} terms would change the size of its outputs, "
                f"which is {self._stated_size}."
            )

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """Returns the terms by their indices.

        Args:
            include_special_tokens: Whether the mask token and the one of unknown terms, as often as
                it has an index, stand before the others.
        """
        mask = [self.mask_token] * self._oov_start
        specials = mask + [self.oov_token] * self.num_oov_indices
        tokens = [self._readable(token) for token in self._tokens or []]
        return specials + tokens if include_special_tokens else tokens

    def _readable(self, token: Token) -> Any:
        return token

    def vocabulary_size(self) -> int:
        """Returns the number of terms, special ones included."""
        return self._token_start + len(self._tokens or [])

    # Adapting ------------------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Makes a vocabulary of the most frequent terms of data, and counts their documents.

        Args:
            data: An array or list: (N, ...), a document in each row; or an iterable of such arrays.
                Of a list of single terms each is a document.
            steps: How many arrays of an iterable to read.

        Raises:
            UnsupportedError: If the layer was made with a vocabulary.
        """
        self.reset_state()
        batches = batches_of(data, steps, self.label)
        if batches is None:
            array = self._terms(data, f"data of {self.label}")
            batches = iter([array[:, np.newaxis] if array.ndim == 1 else array])
        for batch in batches:
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forgets what `update_state` counted."""
        self._counts = TokenCounts()

    def update_state(self, data: Any) -> None:
        """Counts the terms of a batch, (N, ...), or of one document, (n,)."""
        array = self._terms(data, f"data of {self.label}")
        rows = array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1)
        self.count_documents(rows.tolist())

    def count_documents(self, documents: Sequence[Sequence[Token]]) -> None:
        """Counts the terms of documents that may be of different lengths."""
        if self._is_fixed:
            raise self._unsupported(
                "it was made with a vocabulary, so it cannot adapt; make it without one"
            )
        self._counts.add(documents)

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        if not self._counts.tokens:
            return
        specials = [self._key(t) for t in (self.mask_token, self.oov_token) if t is not None]
        room = None if self.max_tokens is None else max(self.max_tokens - self._token_start, 0)
        tokens = self._counts.most_frequent(room, specials)
        self._set_tokens(tokens)
        if self.output_mode == "tf_idf":
            weights = self._counts.inverse_document_frequencies(tokens)
            mean = weights.mean() if len(weights) else np.nan
            self.idf_weights = self._with_borders(weights, self._token_start, mean)
        self.reset_state()

    # Calling -------------------------------------------------------------------------------------

    def _terms(self, data: Any, name: str) -> Array:
        """Data as terms of the vocabulary's kind."""
        if self._is_text:
            return as_strings(data, name)
        array = as_array(data, name)
        with np.errstate(invalid="ignore"):
            return cast(array, np.int64)

    def _as_array(self, x: Any) -> Array:
        name = f"input of {self.label}"
        if self.invert:
            return cast(as_array(x, name), np.int64)
        return self._terms(x, name)

    @property
    def declared_input_dtype(self) -> str:
        """Name of the dtype of the inputs."""
        return "string" if self.reads_strings else "int64"

    @property
    def reads_strings(self) -> bool:
        """Whether inputs are strings."""
        return self._is_text and not self.invert

    @property
    def reads_ids(self) -> bool:  # type: ignore[override]
        """Whether inputs are integers."""
        return not self.reads_strings

    def input_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Strings arrive as they are, numbers as int64."""
        return dtype if dtype.kind == "O" else np.dtype(np.int64)

    def call(self, inputs: Array) -> Array:
        """Returns the indices, their encoding, or with `invert` the terms."""
        if self._tokens is None:
            raise DataError(
                f"{self.label} has no vocabulary; give it one by adapt() or set_vocabulary(). (An "
                ".h5 file and .weights.h5 hold none that was adapted; a .keras file does.)"
            )
        if self.invert:
            return self._terms_of(inputs)
        ids = self.indices(inputs)
        return ids if self.output_mode == "int" else self.encoded(ids)

    def indices(self, terms: Array) -> Array:
        """Returns the index of each term; a very large one stands for terms that are dropped."""
        flat = terms.ravel().tolist()
        find = self._table.get
        ids = np.fromiter((find(term, _UNKNOWN) for term in flat), np.int64, len(flat))
        (unknown,) = np.nonzero(ids == _UNKNOWN)
        if unknown.size:
            ids[unknown] = self._oov_indices([flat[i] for i in unknown])
        return ids.reshape(terms.shape)

    def _oov_indices(self, terms: list[Token]) -> Any:
        if self.num_oov_indices == 0:
            raise DataError(
                f"{self.label}: not in the vocabulary: {sorted(set(terms))[:10]}; with "
                "num_oov_indices=1 or more unknown terms have indices."
            )
        if self.num_oov_indices == 1:
            return self._oov_start
        if not self._is_text and self.oov_method == "floormod":
            return np.array(terms) % self.num_oov_indices + self._oov_start
        strings = terms if self._is_text else [str(term).encode() for term in terms]
        return np.array(bucket_hash(self.num_oov_indices, self.salt)(strings)) + self._oov_start

    def encoded(self, ids: Array) -> Array:
        """Returns indices as vectors, as `output_mode` says."""
        if self.output_mode != "tf_idf":
            return encode(ids, self.output_mode, self._depth(), np.int64)
        if self.idf_weights is None:
            raise DataError(f"{self.label} has no idf_weights; adapt it, or set its vocabulary.")
        weights = self.idf_weights
        return np.asarray(encode(ids, "count", self._depth(), weights.dtype) * weights)

    def _terms_of(self, ids: Array) -> Array:
        tokens = self._tokens or []
        start = self._token_start
        dtype = object if self._is_text else np.int64
        known = np.empty(len(tokens) + 1, dtype)
        known[:-1] = tokens
        known[-1] = self._key(self.oov_token)
        places = ids.ravel() - start
        places[(places < 0) | (places >= len(tokens))] = len(tokens)
        terms = known[places]
        if self.mask_token is not None:
            terms[ids.ravel() == 0] = self._key(self.mask_token)
        return np.asarray(terms.reshape(ids.shape))

    def _depth(self) -> int:
        """The length of an encoding."""
        depth = self.max_tokens if self.pad_to_max_tokens else self._stated_size
        if depth is None:
            raise DataError(
                f"{self.label}: with output_mode={self.output_mode!r} its outputs have the size of "
                "its vocabulary; give it one by adapt() or set_vocabulary() first."
            )
        return depth

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the outputs."""
        if self.output_mode == "int":
            return tuple(input_shape)
        return encoded_shape(input_shape, self.output_mode, self._depth())

    @property
    def result_dtype(self) -> str:
        """Name of the dtype of the outputs."""
        if self.output_mode == "tf_idf":
            return standard_dtype_name(None)
        return "string" if self.invert and self._is_text else "int64"

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        """Returns a symbolic tensor for the outputs."""
        if self.reads_strings and inputs.dtype != "string":
            raise DataError(
                f"{self.label}: expected strings, received {inputs.name!r} of dtype "
                f"{inputs.dtype!r}; Input(..., dtype='string') declares strings."
            )
        shape = self.compute_output_shape(inputs.shape)
        return KerasTensor(shape, self.result_dtype, self.name)

    def _joined_axes(self, rank: int) -> Sequence[int] | None:  # noqa: ARG002
        """Of indices none: each term has its own."""
        return () if self.output_mode == "int" else None

    # Config and files ----------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        options = {
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "vocabulary_dtype": "string" if self._is_text else "int64",
            "idf_weights": plain_list(self.input_idf_weights),
            "vocabulary": plain_list(self.input_vocabulary),
            "vocabulary_size": self._stated_size,
            "oov_method": self.oov_method,
            "salt": self.salt,
        }
        for option in self._without_options:
            del options[option]
        return {**super().get_config(), **options}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes the layer that `get_config` described; a config cannot name a file to read."""
        if isinstance(config.get("vocabulary"), str):
            raise UnsupportedError(
                f"{cls.__name__}: the config names the vocabulary file {config['vocabulary']!r}, "
                "which is not read; a config has a list of terms."
            )
        return cls(**config)

    def get_build_config(self) -> dict[str, Any]:
        """Returns {}: nothing is built."""
        return {}

    def expects_state(self, with_assets: bool) -> bool:
        """Whether a file of such a layer holds its vocabulary or weights."""
        return self.output_mode == "tf_idf" or (with_assets and self.input_vocabulary is None)

    def file_arrays(self) -> dict[str, Array]:
        """Returns the weights of the outputs, if there are any."""
        return {} if self.idf_weights is None else {"idf_weights": self.idf_weights}

    def file_assets(self) -> dict[str, bytes]:
        """Returns the vocabulary, unless the config has it."""
        if self.input_vocabulary is not None:
            return {}
        terms = [*self._special_keys(), *(self._tokens or [])]
        lines = (term if isinstance(term, bytes) else str(term).encode() for term in terms)
        return {_VOCABULARY: b"\n".join(lines)}

    def state_setter(
        self, arrays: Sequence[Array], assets: Mapping[str, bytes]
    ) -> Callable[[], None]:
        """Checks a vocabulary and weights of a file, and returns a function that sets them."""
        tokens = self._tokens
        if _VOCABULARY in assets and self.input_vocabulary is None:
            content = assets[_VOCABULARY]
            found = tokens_of_text(content, self._stated_size, self._is_text, self.label)
            tokens = self._without_specials(found)
            self._table_of(tokens)
        weights = self.idf_weights
        if arrays:
            weights = arrays[0]
            size = self._stated_size if tokens is None else self._token_start + len(tokens)
            depth = self.max_tokens if self.pad_to_max_tokens else size
            if weights.shape != (depth,) or weights.dtype.kind != "f":
                raise DataError(
                    f"{self.label}: idf_weights of shape ({depth},) are expected, the file has "
                    f"{weights.dtype} of shape {weights.shape}."
                )

        def set_state() -> None:
            if tokens is not None:
                self._set_tokens(list(tokens))
            self.idf_weights = weights

        return set_state

    def copy_state(self, other: Any) -> None:
        """Takes over the vocabulary and weights of a layer of Keras or rnnext."""
        if isinstance(other, IndexLookup) and other._tokens is None:
            return
        values = other.get_vocabulary(include_special_tokens=False)
        self._set_tokens(tokens_of_array(list(values), self._is_text, self.label) if values else [])
        if self.output_mode == "tf_idf":
            weights = other.idf_weights  # in Keras a tf.Variable
            values = weights.numpy() if hasattr(weights, "numpy") else weights
            self.idf_weights = np.array(values, standard_dtype_name(None))


def plain_list(values: Any) -> Any:
    """Returns an option that may be an array as JSON has it."""
    if values is None:
        return None
    items = np.asarray(values).tolist() if not isinstance(values, (list, tuple)) else list(values)
    plain = (item.item() if isinstance(item, np.generic) else item for item in items)
    return [item.decode() if isinstance(item, bytes) else item for item in plain]
