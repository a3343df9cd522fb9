"""Type checkers read this; `rnnext.imports` makes it `rnnext.utils` itself."""

from rnnext.utils import *
