from rnnext.saving import *
