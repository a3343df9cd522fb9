from rnnext.utils import *
