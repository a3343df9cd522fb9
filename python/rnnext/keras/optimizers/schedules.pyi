from rnnext.optimizers.schedules import *
