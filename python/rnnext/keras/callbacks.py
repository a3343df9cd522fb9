"""Type checkers read this; `rnnext.imports` makes it `rnnext.callbacks` itself."""

from rnnext.callbacks import *
