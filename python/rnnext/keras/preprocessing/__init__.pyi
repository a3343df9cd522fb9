from rnnext.preprocessing import *
