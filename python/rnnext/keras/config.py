"""Type checkers read this; `rnnext.imports` makes it `rnnext.config` itself."""

from rnnext.config import *
