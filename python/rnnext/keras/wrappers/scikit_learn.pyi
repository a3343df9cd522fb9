"""Type checkers read this; `rnnext.imports` makes it `rnnext.wrappers.scikit_learn` itself."""

from rnnext.wrappers.scikit_learn import *
