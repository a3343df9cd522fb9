"""Type checkers read this; `rnnext.imports` makes it `rnnext.initializers` itself."""

from rnnext.initializers import *
