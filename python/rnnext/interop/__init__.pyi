from rnnext.interop.torch_model import from_torch as from_torch
