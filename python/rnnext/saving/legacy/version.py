"""Which Keras wrote a file, and the defaults that depend on it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rnnext.errors import FileError

__all__ = ["KerasVersion"]


@dataclass(frozen=True)
class KerasVersion:
    """A parsed ``keras_version``.

    Attributes:
        text: As the file has it; a description when the file has none.
        numbers: Major, minor and patch; minor and patch are 0 where unknown.
        is_tf_keras: True for ``-tf`` versions, written by ``tf.keras`` 1.x to 2.5.
    """

    text: str
    numbers: tuple[int, int, int]
    is_tf_keras: bool = False

    @classmethod
    def parse(cls, text: str, label: str) -> KerasVersion:
        """Reads ``2.2.4-tf``, ``3.3.3`` or ``2.15.0.dev1``.

        Raises:
            FileError: The text is no version, or a Keras newer than 3.
        """
        match = re.match(r"(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,4}))?", text)
        if match is None:
            raise FileError(f"{label}: keras_version {text!r}: not a version number.")
        major, minor, patch = (int(part or 0) for part in match.groups())
        if major not in (0, 1, 2, 3):
            raise FileError(f"{label}: keras_version {text!r}: Keras 1, 2 and 3 are read.")
        return cls(text, (major, minor, patch), text.endswith("-tf"))

    @property
    def generation(self) -> int:
        """1, 2 or 3."""
        return max(1, self.numbers[0])

    @property
    def has_keras2_hard_sigmoid(self) -> bool:
        """True where ``hard_sigmoid`` is clip(0.2 x + 0.5): every Keras before 3."""
        return self.generation < 3

    @property
    def keeps_attention_masks(self) -> bool:
        """True where MultiHeadAttention leaves the masks of its inputs to later layers."""
        return self.numbers < (3, 8, 0)

    @property
    def blind_queries_see_all(self) -> bool:
        """True where a query that may look nowhere looks at all values alike."""
        return self.numbers < (3, 10, 0)

    @property
    def joins_masks_by_and(self) -> bool:
        """True where a step of merged inputs counts only if it counts in all that have a mask.

        Multiply, Maximum and Minimum then do not look at masks themselves.
        """
        return self.numbers < (3, 4, 0)

    @property
    def bidirectional_repeats_masked_outputs(self) -> bool:
        """True where masked steps of a Bidirectional's sequences repeat the output before.

        tf.keras outputs zeros there since 1.14; standalone Keras never did before it became
        tf.keras in 2.4.
        """
        return self.numbers < ((2, 2, 4) if self.is_tf_keras else (2, 4, 0))

    @property
    def outputs_initial_state(self) -> bool:
        """True where masked steps that come first output the state that the layer starts from.

        So did Keras on every backend but Theano before 2.2.5, and tf.keras before 1.13.
        """
        return self.numbers < ((2, 2, 4) if self.is_tf_keras else (2, 2, 5))

    def recurrent_activation(self) -> str | None:
        """Default recurrent_activation of LSTM and GRU; None where two share one version.

        ``2.2.4-tf`` is written by TensorFlow 1.13 to 1.15 (hard_sigmoid) and by 2.0 and 2.1
        (sigmoid).
        """
        if self.is_tf_keras and self.numbers < (2, 2, 5):
            return None
        if self.numbers < (2, 3, 0):
            return "hard_sigmoid"
        return "sigmoid"
