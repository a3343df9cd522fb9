"""Type checkers read this; `rnnext.imports` makes it `rnnext.datasets` itself."""

from rnnext.datasets import *
