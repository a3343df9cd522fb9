from rnnext.mixed_precision import *
