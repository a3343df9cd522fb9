from rnnext.ops.activation import log_sigmoid as log_sigmoid
from rnnext.ops.activation import log_softmax as log_softmax
from rnnext.ops.activation import sigmoid as sigmoid
from rnnext.ops.activation import softmax as softmax
from rnnext.ops.activation import softplus as softplus
from rnnext.ops.activation import softsign as softsign
from rnnext.ops.activation import tanh as tanh
from rnnext.ops.comparison import equal as equal
from rnnext.ops.comparison import greater as greater
from rnnext.ops.comparison import greater_equal as greater_equal
from rnnext.ops.comparison import isfinite
from rnnext.ops.comparison import isinf
from rnnext.ops.comparison import isnan
from rnnext.ops.comparison import less as less
from rnnext.ops.comparison import less_equal as less_equal
from rnnext.ops.comparison import logical_and as logical_and
from rnnext.ops.comparison import logical_not as logical_not
from rnnext.ops.comparison import logical_or as logical_or
from rnnext.ops.comparison import logical_xor as logical_xor
from rnnext.ops.comparison import not_equal as not_equal
from rnnext.ops.elementwise import abs as abs
from rnnext.ops.elementwise import add as add
from rnnext.ops.elementwise import arccos
from rnnext.ops.elementwise import arccosh
from rnnext.ops.elementwise import arcsin
from rnnext.ops.elementwise import arcsinh
from rnnext.ops.elementwise import arctan
from rnnext.ops.elementwise import arctan2
from rnnext.ops.elementwise import arctanh
from rnnext.ops.elementwise import ceil as ceil
from rnnext.ops.elementwise import cos as cos
from rnnext.ops.elementwise import cosh as cosh
from rnnext.ops.elementwise import divide as divide
from rnnext.ops.elementwise import divide_no_nan as divide_no_nan
from rnnext.ops.error_function import erf as erf
from rnnext.ops.elementwise import exp as exp
from rnnext.ops.elementwise import expm1 as expm1
from rnnext.ops.elementwise import floor as floor
from rnnext.ops.elementwise import floor_divide
from rnnext.ops.elementwise import log as log
from rnnext.ops.elementwise import log1p as log1p
from rnnext.ops.elementwise import maximum as maximum
from rnnext.ops.elementwise import minimum as minimum
from rnnext.ops.elementwise import mod as mod
from rnnext.ops.elementwise import multiply as multiply
from rnnext.ops.elementwise import negative as negative
from rnnext.ops.elementwise import power
from rnnext.ops.elementwise import reciprocal as reciprocal
from rnnext.ops.elementwise import round as round
from rnnext.ops.elementwise import rsqrt as rsqrt
from rnnext.ops.elementwise import sign as sign
from rnnext.ops.elementwise import sin as sin
from rnnext.ops.elementwise import sinh as sinh
from rnnext.ops.elementwise import sqrt as sqrt
from rnnext.ops.elementwise import square as square
from rnnext.ops.elementwise import subtract as subtract
from rnnext.ops.elementwise import tan as tan
from rnnext.ops.indexing import top_k as top_k
from rnnext.ops.reductions import all
from rnnext.ops.reductions import any
from rnnext.tensorflow.reductions import argmax as argmax
from rnnext.tensorflow.reductions import argmin as argmin
from rnnext.ops.reductions import count_nonzero as count_nonzero
from rnnext.tensorflow.reductions import cumprod as cumprod
from rnnext.tensorflow.reductions import cumsum as cumsum
from rnnext.ops.reductions import logsumexp
from rnnext.ops.reductions import max
from rnnext.ops.reductions import mean
from rnnext.ops.reductions import min
from rnnext.ops.reductions import prod
from rnnext.ops.reductions import std
from rnnext.ops.reductions import sum
from rnnext.ops.reductions import var

acos = arccos
acosh = arccosh
asin = arcsin
asinh = arcsinh
atan = arctan
atan2 = arctan2
atanh = arctanh
floordiv = floor_divide
floormod = mod
is_finite = isfinite
is_inf = isinf
is_nan = isnan
pow = power
reduce_all = all
reduce_any = any
reduce_logsumexp = logsumexp
reduce_max = max
reduce_mean = mean
reduce_min = min
reduce_prod = prod
reduce_std = std
reduce_sum = sum
reduce_variance = var
