from rnnext.random import *
