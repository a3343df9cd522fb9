from rnnext.backend import *
