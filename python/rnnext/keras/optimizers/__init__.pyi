from rnnext.optimizers import *
