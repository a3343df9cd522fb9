from numpy import ndarray
from rnnext.ops.activation import sigmoid as sigmoid
from rnnext.ops.activation import tanh as tanh
from rnnext.ops.comparison import equal as equal
from rnnext.ops.comparison import greater as greater
from rnnext.ops.comparison import greater_equal as greater_equal
from rnnext.ops.comparison import less as less
from rnnext.ops.comparison import less_equal as less_equal
from rnnext.ops.comparison import not_equal as not_equal
from rnnext.ops.core import arange
from rnnext.ops.core import cast as cast
from rnnext.ops.core import eye as eye
from rnnext.ops.core import is_tensor as is_tensor
from rnnext.ops.core import ndim
from rnnext.ops.core import ones as ones
from rnnext.ops.core import ones_like as ones_like
from rnnext.ops.core import stop_gradient as stop_gradient
from rnnext.ops.core import zeros as zeros
from rnnext.ops.core import zeros_like as zeros_like
from rnnext.ops.elementwise import abs as abs
from rnnext.ops.elementwise import add as add
from rnnext.ops.elementwise import clip
from rnnext.ops.elementwise import cos as cos
from rnnext.ops.elementwise import divide as divide
from rnnext.ops.elementwise import exp as exp
from rnnext.ops.elementwise import floor as floor
from rnnext.ops.elementwise import maximum as maximum
from rnnext.ops.elementwise import minimum as minimum
from rnnext.ops.elementwise import multiply as multiply
from rnnext.ops.elementwise import power
from rnnext.ops.elementwise import round as round
from rnnext.ops.elementwise import sign as sign
from rnnext.ops.elementwise import sin as sin
from rnnext.ops.elementwise import sqrt as sqrt
from rnnext.ops.elementwise import square as square
from rnnext.ops.elementwise import subtract as subtract
from rnnext.ops.elementwise import tan as tan
from rnnext.ops.indexing import argsort as argsort
from rnnext.ops.indexing import sort as sort
from rnnext.ops.products import einsum as einsum
from rnnext.ops.products import tensordot as tensordot
from rnnext.ops.rearrangement import broadcast_to as broadcast_to
from rnnext.ops.rearrangement import expand_dims as expand_dims
from rnnext.ops.rearrangement import flip
from rnnext.ops.rearrangement import pad as pad
from rnnext.ops.rearrangement import repeat as repeat
from rnnext.ops.rearrangement import roll as roll
from rnnext.ops.rearrangement import squeeze as squeeze
from rnnext.ops.rearrangement import unstack as unstack
from rnnext.ops.reductions import all
from rnnext.ops.reductions import any
from rnnext.ops.reductions import logsumexp
from rnnext.ops.reductions import max
from rnnext.ops.reductions import mean
from rnnext.ops.reductions import min
from rnnext.ops.reductions import norm as norm
from rnnext.ops.reductions import prod
from rnnext.ops.reductions import sum
from rnnext.tensorflow import compat as compat
from rnnext.tensorflow import linalg as linalg
from rnnext.tensorflow import math as math
from rnnext.tensorflow import nn as nn
from rnnext.tensorflow import test as test
from rnnext.tensorflow.devices import device as device
from rnnext.tensorflow.devices import executing_eagerly as executing_eagerly
from rnnext.tensorflow.devices import name_scope as name_scope
from rnnext.tensorflow.numpy_dtypes import bfloat16 as bfloat16
from rnnext.tensorflow.numpy_dtypes import bool as bool
from rnnext.tensorflow.numpy_dtypes import float16 as float16
from rnnext.tensorflow.numpy_dtypes import float32 as float32
from rnnext.tensorflow.numpy_dtypes import float64 as float64
from rnnext.tensorflow.numpy_dtypes import int16 as int16
from rnnext.tensorflow.numpy_dtypes import int32 as int32
from rnnext.tensorflow.numpy_dtypes import int64 as int64
from rnnext.tensorflow.numpy_dtypes import int8 as int8
from rnnext.tensorflow.numpy_dtypes import string as string
from rnnext.tensorflow.numpy_dtypes import uint16 as uint16
from rnnext.tensorflow.numpy_dtypes import uint32 as uint32
from rnnext.tensorflow.numpy_dtypes import uint64 as uint64
from rnnext.tensorflow.numpy_dtypes import uint8 as uint8
from rnnext.layers.variable import Variable as Variable
from rnnext.training.gradient_tape import GradientTape as GradientTape
from rnnext.tensorflow.functions import concat as concat
from rnnext.tensorflow.functions import constant as constant
from rnnext.tensorflow.functions import convert_to_tensor as convert_to_tensor
from rnnext.tensorflow.functions import function as function
from rnnext.tensorflow.functions import gather as gather
from rnnext.tensorflow.functions import matmul as matmul
from rnnext.tensorflow.functions import reshape as reshape
from rnnext.tensorflow.functions import shape as shape
from rnnext.tensorflow.functions import split as split
from rnnext.tensorflow.functions import stack as stack
from rnnext.tensorflow.functions import tile as tile
from rnnext.tensorflow.functions import transpose as transpose
from rnnext.tensorflow.logger import get_logger as get_logger
from rnnext.tensorflow.reductions import argmax as argmax
from rnnext.tensorflow.reductions import argmin as argmin
from rnnext.tensorflow.reductions import cumsum as cumsum
from rnnext.tensorflow.reductions import fill as fill
from rnnext.tensorflow.reductions import one_hot as one_hot
from rnnext.tensorflow.reductions import where as where

Tensor = ndarray
clip_by_value = clip
pow = power
range = arange
rank = ndim
reduce_all = all
reduce_any = any
reduce_logsumexp = logsumexp
reduce_max = max
reduce_mean = mean
reduce_min = min
reduce_prod = prod
reduce_sum = sum
reverse = flip
