from rnnext.activations.activation import Activation as Activation
from rnnext.activations.activation import celu as celu
from rnnext.activations.activation import deserialize as deserialize
from rnnext.activations.activation import elu as elu
from rnnext.activations.activation import exponential as exponential
from rnnext.activations.activation import gelu as gelu
from rnnext.activations.activation import get as get
from rnnext.activations.activation import glu as glu
from rnnext.activations.activation import hard_shrink as hard_shrink
from rnnext.activations.activation import hard_sigmoid as hard_sigmoid
from rnnext.activations.activation import hard_silu as hard_silu
from rnnext.activations.activation import hard_tanh as hard_tanh
from rnnext.activations.activation import leaky_relu as leaky_relu
from rnnext.activations.activation import linear as linear
from rnnext.activations.activation import log_sigmoid as log_sigmoid
from rnnext.activations.activation import log_softmax as log_softmax
from rnnext.activations.activation import mish as mish
from rnnext.activations.activation import relu as relu
from rnnext.activations.activation import relu6 as relu6
from rnnext.activations.activation import selu as selu
from rnnext.activations.activation import serialize as serialize
from rnnext.activations.activation import sigmoid as sigmoid
from rnnext.activations.activation import silu as silu
from rnnext.activations.activation import soft_shrink as soft_shrink
from rnnext.activations.activation import softmax as softmax
from rnnext.activations.activation import softplus as softplus
from rnnext.activations.activation import softsign as softsign
from rnnext.activations.activation import sparse_plus as sparse_plus
from rnnext.activations.activation import sparse_sigmoid as sparse_sigmoid
from rnnext.activations.activation import sparsemax as sparsemax
from rnnext.activations.activation import squareplus as squareplus
from rnnext.activations.activation import tanh as tanh
from rnnext.activations.activation import tanh_shrink as tanh_shrink
from rnnext.activations.activation import threshold as threshold

hard_swish = hard_silu
swish = silu
