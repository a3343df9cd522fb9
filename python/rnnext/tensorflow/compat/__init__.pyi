from rnnext import keras
from rnnext.tensorflow.compat import v1 as v1

v2 = keras
