
from numpy import ndarray
from rnnext.initializers import Constant
from rnnext.initializers import Ones
from rnnext.initializers import RandomNormal
from rnnext.initializers import RandomUniform
from rnnext.initializers import Zeros
from rnnext.ops.core import is_tensor as is_tensor
from rnnext.tensorflow import compat as compat
from rnnext.tensorflow import data as data
from rnnext.tensorflow import linalg as linalg
from rnnext.tensorflow import math as math
from rnnext.tensorflow import nn as nn
from rnnext.tensorflow import python as python
from rnnext.tensorflow import test as test
from rnnext.tensorflow import train as train
from rnnext.tensorflow.control_flow import TensorArray as TensorArray
from rnnext.tensorflow.control_flow import TensorSpec as TensorSpec
from rnnext.tensor_shape import TensorShape as TensorShape
from rnnext.tensorflow.control_flow import cond as cond
from rnnext.tensorflow.control_flow import custom_gradient as custom_gradient
from rnnext.tensorflow.control_flow import map_fn as map_fn
from rnnext.tensorflow.control_flow import numpy_function as numpy_function
from rnnext.tensorflow.control_flow import print as print
from rnnext.tensorflow.control_flow import py_function as py_function
from rnnext.tensorflow.control_flow import scan as scan
from rnnext.tensorflow.control_flow import while_loop as while_loop
from rnnext.tensorflow.devices import accept
from rnnext.tensorflow.devices import device as device
from rnnext.tensorflow.devices import executing_eagerly as executing_eagerly
from rnnext.name_scopes import name_scope as name_scope
from rnnext.tensorflow.elementwise import abs as abs
from rnnext.tensorflow.elementwise import acos as acos
from rnnext.tensorflow.elementwise import acosh as acosh
from rnnext.tensorflow.elementwise import add as add
from rnnext.tensorflow.elementwise import add_n as add_n
from rnnext.tensorflow.elementwise import asin as asin
from rnnext.tensorflow.elementwise import asinh as asinh
from rnnext.tensorflow.elementwise import atan as atan
from rnnext.tensorflow.elementwise import atan2 as atan2
from rnnext.tensorflow.elementwise import atanh as atanh
from rnnext.tensorflow.elementwise import cast as cast
from rnnext.tensorflow.elementwise import clip_by_norm as clip_by_norm
from rnnext.tensorflow.elementwise import clip_by_value as clip_by_value
from rnnext.tensorflow.elementwise import cos as cos
from rnnext.tensorflow.elementwise import cosh as cosh
from rnnext.tensorflow.elementwise import divide as divide
from rnnext.tensorflow.elementwise import equal as equal
from rnnext.tensorflow.elementwise import exp as exp
from rnnext.tensorflow.elementwise import floor as floor
from rnnext.tensorflow.elementwise import greater as greater
from rnnext.tensorflow.elementwise import greater_equal as greater_equal
from rnnext.tensorflow.elementwise import identity as identity
from rnnext.tensorflow.elementwise import less as less
from rnnext.tensorflow.elementwise import less_equal as less_equal
from rnnext.tensorflow.elementwise import logical_and as logical_and
from rnnext.tensorflow.elementwise import logical_not as logical_not
from rnnext.tensorflow.elementwise import logical_or as logical_or
from rnnext.tensorflow.elementwise import maximum as maximum
from rnnext.tensorflow.elementwise import minimum as minimum
from rnnext.tensorflow.elementwise import multiply as multiply
from rnnext.tensorflow.elementwise import negative as negative
from rnnext.tensorflow.elementwise import not_equal as not_equal
from rnnext.tensorflow.elementwise import pow as pow
from rnnext.tensorflow.elementwise import round as round
from rnnext.tensorflow.elementwise import sigmoid as sigmoid
from rnnext.tensorflow.elementwise import sign as sign
from rnnext.tensorflow.elementwise import sin as sin
from rnnext.tensorflow.elementwise import sinh as sinh
from rnnext.tensorflow.elementwise import sqrt as sqrt
from rnnext.tensorflow.elementwise import square as square
from rnnext.tensorflow.elementwise import stop_gradient as stop_gradient
from rnnext.tensorflow.elementwise import subtract as subtract
from rnnext.tensorflow.elementwise import tan as tan
from rnnext.tensorflow.elementwise import tanh as tanh
from rnnext.tensorflow.functions import broadcast_to as broadcast_to
from rnnext.tensorflow.functions import clip_by_global_norm as clip_by_global_norm
from rnnext.tensorflow.functions import concat as concat
from rnnext.tensorflow.functions import constant as constant
from rnnext.tensorflow.functions import convert_to_tensor as convert_to_tensor
from rnnext.tensorflow.functions import einsum as einsum
from rnnext.tensorflow.functions import expand_dims as expand_dims
from rnnext.tensorflow.functions import eye as eye
from rnnext.tensorflow.functions import function as function
from rnnext.tensorflow.functions import linspace as linspace
from rnnext.tensorflow.functions import matmul as matmul
from rnnext.tensorflow.functions import ones as ones
from rnnext.tensorflow.functions import ones_like as ones_like
from rnnext.tensorflow.functions import pad as pad
from rnnext.tensorflow.functions import range as range
from rnnext.tensorflow.functions import rank as rank
from rnnext.tensorflow.functions import repeat as repeat
from rnnext.tensorflow.functions import reshape as reshape
from rnnext.tensorflow.functions import reverse as reverse
from rnnext.tensorflow.functions import roll as roll
from rnnext.tensorflow.functions import shape as shape
from rnnext.tensorflow.functions import size as size
from rnnext.tensorflow.functions import split as split
from rnnext.tensorflow.functions import squeeze as squeeze
from rnnext.tensorflow.functions import stack as stack
from rnnext.tensorflow.functions import tensordot as tensordot
from rnnext.tensorflow.functions import tile as tile
from rnnext.tensorflow.functions import transpose as transpose
from rnnext.tensorflow.functions import unstack as unstack
from rnnext.tensorflow.functions import zeros as zeros
from rnnext.tensorflow.functions import zeros_like as zeros_like
from rnnext.tensorflow.logger import get_logger as get_logger
from rnnext.tensorflow.numpy_dtypes import bfloat16 as bfloat16
from rnnext.tensorflow.numpy_dtypes import bool as bool
from rnnext.tensorflow.numpy_dtypes import float16 as float16
from rnnext.tensorflow.numpy_dtypes import float32 as float32
from rnnext.tensorflow.numpy_dtypes import float64 as float64
from rnnext.tensorflow.numpy_dtypes import int16 as int16
from rnnext.tensorflow.numpy_dtypes import int32 as int32
from rnnext.tensorflow.numpy_dtypes import int64 as int64
from rnnext.tensorflow.numpy_dtypes import int8 as int8
from rnnext.tensorflow.numpy_dtypes import newaxis as newaxis
from rnnext.tensorflow.numpy_dtypes import string as string
from rnnext.tensorflow.numpy_dtypes import uint16 as uint16
from rnnext.tensorflow.numpy_dtypes import uint32 as uint32
from rnnext.tensorflow.numpy_dtypes import uint64 as uint64
from rnnext.tensorflow.numpy_dtypes import uint8 as uint8
from rnnext.tensorflow.reductions import argmax as argmax
from rnnext.tensorflow.reductions import argmin as argmin
from rnnext.tensorflow.reductions import cumsum as cumsum
from rnnext.tensorflow.reductions import fill as fill
from rnnext.tensorflow.reductions import norm as norm
from rnnext.tensorflow.reductions import one_hot as one_hot
from rnnext.tensorflow.reductions import reduce_all as reduce_all
from rnnext.tensorflow.reductions import reduce_any as reduce_any
from rnnext.tensorflow.reductions import reduce_logsumexp as reduce_logsumexp
from rnnext.tensorflow.reductions import reduce_max as reduce_max
from rnnext.tensorflow.reductions import reduce_mean as reduce_mean
from rnnext.tensorflow.reductions import reduce_min as reduce_min
from rnnext.tensorflow.reductions import reduce_prod as reduce_prod
from rnnext.tensorflow.reductions import reduce_std as reduce_std
from rnnext.tensorflow.reductions import reduce_sum as reduce_sum
from rnnext.tensorflow.reductions import reduce_variance as reduce_variance
from rnnext.tensorflow.reductions import where as where
from rnnext.tensorflow.selection import argsort as argsort
from rnnext.tensorflow.selection import boolean_mask as boolean_mask
from rnnext.tensorflow.selection import gather as gather
from rnnext.tensorflow.selection import gather_nd as gather_nd
from rnnext.tensorflow.selection import reverse_sequence as reverse_sequence
from rnnext.tensorflow.selection import scatter_nd as scatter_nd
from rnnext.tensorflow.selection import sequence_mask as sequence_mask
from rnnext.tensorflow.selection import slice as slice
from rnnext.tensorflow.selection import sort as sort
from rnnext.tensorflow.selection import tensor_scatter_nd_update as tensor_scatter_nd_update
from rnnext.tensorflow.selection import unique as unique
from rnnext.tensorflow.sessions import ConfigProto as ConfigProto
from rnnext.tensorflow.sessions import GPUOptions as GPUOptions
from rnnext.tensorflow.sessions import Session as Session
from rnnext.training.gradient_tape import GradientTape as GradientTape

InteractiveSession = Session
Tensor = ndarray
constant_initializer = Constant
ones_initializer = Ones
random_normal_initializer = RandomNormal
random_uniform_initializer = RandomUniform
reset_default_graph = accept
truediv = divide
vectorized_map = map_fn
zeros_initializer = Zeros
