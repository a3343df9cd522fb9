"""IntegerLookup: integers of any size to indices, and back."""

from __future__ import annotations

from typing import Any

from rnnext import serialization
from rnnext.errors import UnsupportedError
from rnnext.layers.preprocessing.index_lookup import IndexLookup

__all__ = ["IntegerLookup"]


@serialization.builtin("keras.layers")
class IntegerLookup(IndexLookup):
    """Finds the index of each integer in a vocabulary.

    Args:
        max_tokens: Largest size of the vocabulary, special integers included.
        num_oov_indices: Number of indices for unknown integers; see `oov_method`.
        mask_token: An integer for padding; None: there is none.
        oov_token: What stands for unknown integers in the vocabulary and in inverted outputs.
        vocabulary: A list or array of integers, or the path of a text file with one on each line.
        vocabulary_dtype: Must be "int64".
        idf_weights: Inverse document frequencies of the vocabulary, for output_mode "tf_idf".
        invert: Whether to find integers by indices.
        output_mode: As of `StringLookup`.
        sparse: Kept in the config; outputs are dense.
        pad_to_max_tokens: Whether vectors have length `max_tokens` whatever the vocabulary.
        oov_method: Which of several indices an unknown integer has: "floormod", the remainder of
            dividing it by their number, or "farmhash", that of a hash.
        salt: Key of a SipHash in place of FarmHash, one integer or two.
        name: Name of the layer.
        **kwargs: Arguments of `Layer`.

    Example:
        >>> from rnnext.layers import IntegerLookup
        >>> IntegerLookup(vocabulary=[12, 36, 1138])([[12, 1138, 5]])
        array([[1, 3, 0]])
    """

    _is_text = False

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
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
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            oov_method=oov_method,
            salt=salt,
            name=name,
            **kwargs,
        )
        if vocabulary_dtype != "int64":
            raise UnsupportedError(
                f"{self.label}: vocabulary_dtype must be 'int64', received {vocabulary_dtype!r}."
            )
