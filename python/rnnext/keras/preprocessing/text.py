"""Type checkers read this; `rnnext.imports` makes it `rnnext.preprocessing.text` itself."""

from rnnext.preprocessing.text import *
