"""Type checkers read this; `rnnext.imports` makes it `rnnext.backend` itself."""

from rnnext.backend import *
