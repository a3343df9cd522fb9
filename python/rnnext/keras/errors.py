"""Type checkers read this; `rnnext.imports` makes it `rnnext.errors` itself."""

from rnnext.errors import *
