from rnnext.initializers import *
