from rnnext.errors import *
