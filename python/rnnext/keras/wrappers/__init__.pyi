"""Type checkers read this; `rnnext.imports` makes it `rnnext.wrappers` itself."""

from rnnext.wrappers import *
