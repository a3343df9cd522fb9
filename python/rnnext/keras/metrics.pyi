from rnnext.metrics import *
