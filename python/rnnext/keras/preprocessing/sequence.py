"""Type checkers read this; `rnnext.imports` makes it `rnnext.preprocessing.sequence` itself."""

from rnnext.preprocessing.sequence import *
