"""Type checkers read this; `rnnext.imports` makes it `rnnext.strings` itself."""

from rnnext.strings import *
