"""Type checkers read this; `rnnext.imports` makes it `rnnext.dtype_policies` itself."""

from rnnext.dtype_policies import *
