from rnnext.callbacks import *
