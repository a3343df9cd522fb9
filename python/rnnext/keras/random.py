"""Type checkers read this; `rnnext.imports` makes it `rnnext.random` itself."""

from rnnext.random import *
