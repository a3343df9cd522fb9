"""Type checkers read this; `rnnext.imports` makes it `rnnext.models` itself."""

from rnnext.models import *
