"""Type checkers read this; `rnnext.imports` makes it `rnnext.saving` itself."""

from rnnext.saving import *
