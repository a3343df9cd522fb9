"""StringLookup: strings to indices, and back."""

from __future__ import annotations

from typing import Any

from rnnext import serialization
from rnnext.errors import DataError
from rnnext.layers.preprocessing.index_lookup import IndexLookup

__all__ = ["StringLookup"]


@serialization.builtin("keras.layers")
class StringLookup(IndexLookup):
    """Finds the index of each string in a vocabulary.

    The mask token has index 0, unknown strings have those after it, then comes the vocabulary.

    Args:
        max_tokens: Largest size of the vocabulary, special tokens included.
        num_oov_indices: Number of indices for unknown strings, among which a hash chooses. With 0
            an unknown string is an error.
        mask_token: A string for padding; None: there is none. In other modes than "int" it leaves
            no trace in the outputs.
        oov_token: What stands for unknown strings in the vocabulary and in inverted outputs.
        vocabulary: A list or array of strings, or the path of a text file with one on each line.
        idf_weights: Inverse document frequencies of the vocabulary, for output_mode "tf_idf".
        invert: Whether to find strings by indices.
        output_mode: "int": indices. "one_hot": a vector for each. "multi_hot", "count", "tf_idf":
            one vector for all strings of a sample, 1 at those that occur, or how often they do, or
            that times their weight.
        pad_to_max_tokens: Whether vectors have length `max_tokens` whatever the vocabulary.
        sparse: Kept in the config; outputs are dense.
        encoding: How `get_vocabulary` decodes strings that were bytes.
        name: Name of the layer.
        salt: Key of the hash for unknown strings, one integer or two: SipHash in place of FarmHash.
        **kwargs: Arguments of `Layer`.

    Call arguments:
        inputs: Strings (...), see `rnnext.layers.TextVectorization`; with `invert` integers.

    Returns:
        Integers; with `invert` byte strings, as TensorFlow has them.

    Raises:
        DataError: If there is no vocabulary yet, or inputs are no strings.

    Example:
        >>> from rnnext.layers import StringLookup
        >>> layer = StringLookup(vocabulary=["a", "b"])
        >>> layer([["a", "z", "b"]])
        array([[1, 0, 2]])
        >>> layer.get_vocabulary()
        ['[UNK]', 'a', 'b']
    """

    _is_text = True
    _without_options = ("vocabulary_dtype",)

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        self.encoding = encoding
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens,
            sparse=sparse,
            name=name,
            salt=salt,
            **kwargs,
        )

    def _readable(self, token: bytes) -> str:
        try:
            return token.decode(self.encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise DataError(
                f"{self.label}: {token!r} in the vocabulary is no {self.encoding}: {error}"
            ) from error

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "encoding": self.encoding}
