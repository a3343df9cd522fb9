from rnnext.regularizers import *
