"""What notebooks take from Keras's `keras.preprocessing`: sequences, texts and time series."""

from rnnext.preprocessing import sequence, text
from rnnext.utils.timeseries import timeseries_dataset_from_array

__all__ = ["sequence", "text", "timeseries_dataset_from_array"]


def __dir__() -> list[str]:
    return sorted(__all__)
