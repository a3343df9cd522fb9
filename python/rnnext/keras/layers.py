"""Type checkers read this; `rnnext.imports` makes it `rnnext.layers` itself."""

from rnnext.layers import *
