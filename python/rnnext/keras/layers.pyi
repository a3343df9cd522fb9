from rnnext.layers import *
