from rnnext.config import *
