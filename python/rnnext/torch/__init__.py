"""`torch.nn.LSTM`, `GRU` and `RNN` that compute, forwards and backwards, with rnnext's kernels.

The modules have torch's arguments, parameters, initialisation and state_dict; optimizers, data
loaders and distributed training stay PyTorch's. This package needs torch; `import rnnext` does not.
"""

from rnnext.packages import load_package as _load_package

_load_package("torch", "rnnext.torch", "'rnnext[torch]'")

from rnnext.torch.modules import GRU, LSTM, RNN  # noqa: E402

__all__ = ["GRU", "LSTM", "RNN"]
