"""Training, which rnnext does not do: Keras's methods for it say so when there is work to do."""

from __future__ import annotations

from typing import Any, NoReturn

from rnnext.errors import UnsupportedError

__all__ = ["NoTraining"]


class NoTraining:
    """The methods of a Keras model that need a loss, an optimizer or metrics."""

    name: str

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing: programs that go on to load weights and predict compile, too."""

    def fit(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Raises UnsupportedError."""
        self._refuse("fit")

    def evaluate(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Raises UnsupportedError."""
        self._refuse("evaluate")

    def train_on_batch(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Raises UnsupportedError."""
        self._refuse("train_on_batch")

    def test_on_batch(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Raises UnsupportedError."""
        self._refuse("test_on_batch")

    def _refuse(self, method: str) -> NoReturn:
        raise UnsupportedError(
            f"model {self.name!r}: {method}() is part of training, which rnnext does not do. Train "
            "and save the model in Keras, then rnnext.load_model(file).predict(x); or hand a live "
            "model to rnnext.from_keras."
        )
