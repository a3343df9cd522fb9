from rnnext.models import *
