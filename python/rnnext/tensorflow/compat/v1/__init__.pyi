from rnnext.settings import set_random_seed as set_random_seed
from rnnext.tensorflow.compat.v1 import logging as logging
from rnnext import keras as keras
