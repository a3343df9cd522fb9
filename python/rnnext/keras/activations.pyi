from rnnext.activations import *
