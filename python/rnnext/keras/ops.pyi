from rnnext.ops import *
