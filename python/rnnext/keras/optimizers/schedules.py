"""Type checkers read this; `rnnext.imports` makes it `rnnext.optimizers.schedules` itself."""

from rnnext.optimizers.schedules import *
