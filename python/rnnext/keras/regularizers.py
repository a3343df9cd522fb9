"""Type checkers read this; `rnnext.imports` makes it `rnnext.regularizers` itself."""

from rnnext.regularizers import *
