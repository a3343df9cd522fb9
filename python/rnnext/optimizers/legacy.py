"""Type checkers read this; `rnnext.imports` makes it `rnnext.optimizers` itself."""

from rnnext.optimizers import *
