from rnnext.dtype_policies import *
