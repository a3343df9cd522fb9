"""Functions of Keras's older backend that are operations under other names of their arguments."""

from __future__ import annotations

from rnnext.tensorflow.renamed import renamed

abs = renamed("ops.elementwise.abs", "x")  # noqa: A001
all = renamed("ops.reductions.all", "x axis keepdims")  # noqa: A001
any = renamed("ops.reductions.any", "x axis keepdims")  # noqa: A001
arange = renamed("ops.core.arange", "start stop step dtype")
cast = renamed("ops.core.cast", "x dtype")
clip = renamed("ops.elementwise.clip", "x min_value max_value")
cos = renamed("ops.elementwise.cos", "x")
dot = renamed("ops.products.dot", "x y")
elu = renamed("ops.activation.elu", "x alpha")
equal = renamed("ops.comparison.equal", "x y")
exp = renamed("ops.elementwise.exp", "x")
greater = renamed("ops.comparison.greater", "x y")
greater_equal = renamed("ops.comparison.greater_equal", "x y")
hard_sigmoid = renamed("ops.activation.hard_sigmoid", "x")
less = renamed("ops.comparison.less", "x y")
less_equal = renamed("ops.comparison.less_equal", "x y")
log = renamed("ops.elementwise.log", "x")
logsumexp = renamed("ops.reductions.logsumexp", "x axis keepdims")
max = renamed("ops.reductions.max", "x axis keepdims")  # noqa: A001
maximum = renamed("ops.elementwise.maximum", "x y")
mean = renamed("ops.reductions.mean", "x axis keepdims")
min = renamed("ops.reductions.min", "x axis keepdims")  # noqa: A001
minimum = renamed("ops.elementwise.minimum", "x y")
not_equal = renamed("ops.comparison.not_equal", "x y")
one_hot = renamed("ops.indexing.one_hot", "indices num_classes")
ones = renamed("ops.core.ones", "shape dtype")
ones_like = renamed("ops.core.ones_like", "x dtype")
permute_dimensions = renamed("ops.rearrangement.transpose", "x pattern")
pow = renamed("ops.elementwise.power", "x a")  # noqa: A001
prod = renamed("ops.reductions.prod", "x axis keepdims")
repeat_elements = renamed("ops.rearrangement.repeat", "x rep axis")
reshape = renamed("ops.rearrangement.reshape", "x shape")
reverse = renamed("ops.rearrangement.flip", "x axes")
round = renamed("ops.elementwise.round", "x")  # noqa: A001
sigmoid = renamed("ops.activation.sigmoid", "x")
sign = renamed("ops.elementwise.sign", "x")
sin = renamed("ops.elementwise.sin", "x")
softmax = renamed("ops.activation.softmax", "x axis")
softplus = renamed("ops.activation.softplus", "x")
softsign = renamed("ops.activation.softsign", "x")
square = renamed("ops.elementwise.square", "x")
squeeze = renamed("ops.rearrangement.squeeze", "x axis")
stack = renamed("ops.rearrangement.stack", "x axis")
std = renamed("ops.reductions.std", "x axis keepdims")
stop_gradient = renamed("ops.core.stop_gradient", "variables")
sum = renamed("ops.reductions.sum", "x axis keepdims")  # noqa: A001
tanh = renamed("ops.activation.tanh", "x")
tile = renamed("ops.rearrangement.tile", "x n")
transpose = renamed("ops.rearrangement.transpose", "x")
var = renamed("ops.reductions.var", "x axis keepdims")
zeros = renamed("ops.core.zeros", "shape dtype")
zeros_like = renamed("ops.core.zeros_like", "x dtype")
