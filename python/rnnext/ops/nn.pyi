"""Type checkers read this; `rnnext.imports` makes it `rnnext.ops` itself."""

from rnnext.ops import *
