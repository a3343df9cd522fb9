"""Type checkers read this; `rnnext.imports` makes it `rnnext.activations` itself."""

from rnnext.activations import *
