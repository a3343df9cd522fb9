"""Type checkers read this; `rnnext.imports` makes it `rnnext.losses` itself."""

from rnnext.losses import *
