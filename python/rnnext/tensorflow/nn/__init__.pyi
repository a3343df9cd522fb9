from rnnext.activations.activation import elu as elu
from rnnext.activations.activation import gelu as gelu
from rnnext.activations.activation import log_softmax as log_softmax
from rnnext.activations.activation import relu as relu
from rnnext.activations.activation import relu6 as relu6
from rnnext.activations.activation import selu as selu
from rnnext.activations.activation import sigmoid as sigmoid
from rnnext.activations.activation import silu as silu
from rnnext.activations.activation import softmax as softmax
from rnnext.activations.activation import softplus as softplus
from rnnext.activations.activation import softsign as softsign
from rnnext.activations.activation import tanh as tanh
from rnnext.ops.indexing import top_k as top_k
from rnnext.ops.reductions import moments as moments
from rnnext.tensorflow.functions import l2_normalize as l2_normalize
from rnnext.tensorflow.functions import leaky_relu as leaky_relu

swish = silu
