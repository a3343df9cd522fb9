"""Type checkers read this; `rnnext.imports` makes it `rnnext.mixed_precision` itself."""

from rnnext.mixed_precision import *
