"""Type checkers read this; `rnnext.imports` makes it `rnnext.metrics` itself."""

from rnnext.metrics import *
