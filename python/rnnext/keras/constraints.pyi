from rnnext.constraints import *
