from rnnext.losses import *
