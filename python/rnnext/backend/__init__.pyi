from rnnext.backend.functions import argmax as argmax
from rnnext.backend.functions import argmin as argmin
from rnnext.backend.functions import batch_get_value as batch_get_value
from rnnext.backend.functions import batch_set_value as batch_set_value
from rnnext.backend.functions import cast_to_floatx as cast_to_floatx
from rnnext.backend.functions import concatenate as concatenate
from rnnext.backend.functions import constant as constant
from rnnext.backend.functions import cumprod as cumprod
from rnnext.backend.functions import cumsum as cumsum
from rnnext.backend.functions import dtype as dtype
from rnnext.backend.functions import expand_dims as expand_dims
from rnnext.backend.functions import flatten as flatten
from rnnext.backend.functions import gather as gather
from rnnext.backend.functions import get_value as get_value
from rnnext.backend.functions import int_shape as int_shape
from rnnext.backend.functions import is_keras_tensor as is_keras_tensor
from rnnext.backend.functions import l2_normalize as l2_normalize
from rnnext.backend.functions import relu as relu
from rnnext.backend.functions import set_value as set_value
from rnnext.backend.functions import sqrt as sqrt
from rnnext.backend.functions import switch as switch
from rnnext.backend.functions import variable as variable
from rnnext.config.keras_switches import backend as backend
from rnnext.dtypes import standard_dtype_name
from rnnext.naming import clear_session as clear_session
from rnnext.ops.activation import elu as elu
from rnnext.ops.activation import hard_sigmoid as hard_sigmoid
from rnnext.ops.activation import sigmoid as sigmoid
from rnnext.ops.activation import softmax as softmax
from rnnext.ops.activation import softplus as softplus
from rnnext.ops.activation import softsign as softsign
from rnnext.ops.activation import tanh as tanh
from rnnext.ops.comparison import equal as equal
from rnnext.ops.comparison import greater as greater
from rnnext.ops.comparison import greater_equal as greater_equal
from rnnext.ops.comparison import less as less
from rnnext.ops.comparison import less_equal as less_equal
from rnnext.ops.comparison import not_equal as not_equal
from rnnext.ops.core import cast as cast
from rnnext.ops.core import eye as eye
from rnnext.ops.core import ndim as ndim
from rnnext.ops.core import ones as ones
from rnnext.ops.core import ones_like as ones_like
from rnnext.ops.core import shape as shape
from rnnext.ops.core import stop_gradient as stop_gradient
from rnnext.ops.core import zeros as zeros
from rnnext.ops.core import zeros_like as zeros_like
from rnnext.ops.elementwise import abs as abs
from rnnext.ops.elementwise import clip as clip
from rnnext.ops.elementwise import cos as cos
from rnnext.ops.elementwise import exp as exp
from rnnext.ops.elementwise import log as log
from rnnext.ops.elementwise import maximum as maximum
from rnnext.ops.elementwise import minimum as minimum
from rnnext.ops.elementwise import power
from rnnext.ops.elementwise import round as round
from rnnext.ops.elementwise import sign as sign
from rnnext.ops.elementwise import sin as sin
from rnnext.ops.elementwise import square as square
from rnnext.ops.indexing import one_hot as one_hot
from rnnext.ops.products import dot as dot
from rnnext.ops.rearrangement import flip
from rnnext.ops.rearrangement import repeat
from rnnext.ops.rearrangement import reshape as reshape
from rnnext.ops.rearrangement import squeeze as squeeze
from rnnext.ops.rearrangement import stack as stack
from rnnext.ops.rearrangement import tile as tile
from rnnext.ops.rearrangement import transpose as transpose
from rnnext.ops.reductions import all as all
from rnnext.ops.reductions import any as any
from rnnext.ops.reductions import max as max
from rnnext.ops.reductions import mean as mean
from rnnext.ops.reductions import min as min
from rnnext.ops.reductions import prod as prod
from rnnext.ops.reductions import std as std
from rnnext.ops.reductions import sum as sum
from rnnext.ops.reductions import var as var
from rnnext.settings import epsilon as epsilon
from rnnext.settings import floatx as floatx
from rnnext.settings import image_data_format as image_data_format
from rnnext.settings import set_epsilon as set_epsilon
from rnnext.settings import set_floatx as set_floatx
from rnnext.settings import set_image_data_format as set_image_data_format
from rnnext.tensorflow.devices import name_scope as name_scope

eval = get_value
permute_dimensions = transpose
pow = power
repeat_elements = repeat
reverse = flip
standardize_dtype = standard_dtype_name
