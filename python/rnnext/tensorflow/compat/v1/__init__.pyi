from rnnext import keras as keras
from rnnext.settings import set_random_seed as set_random_seed
from rnnext.tensorflow.compat.v1 import logging as logging
from rnnext.tensorflow.devices import accept
from rnnext.tensorflow.sessions import ConfigProto as ConfigProto
from rnnext.tensorflow.sessions import GPUOptions as GPUOptions
from rnnext.tensorflow.sessions import Session as Session

InteractiveSession = Session
disable_eager_execution = accept
disable_v2_behavior = accept
enable_eager_execution = accept
enable_v2_behavior = accept
reset_default_graph = accept
