"""Type checkers read this; `rnnext.imports` makes it `rnnext.constraints` itself."""

from rnnext.constraints import *
