from rnnext.tensorflow.elementwise import elu as elu
from rnnext.tensorflow.elementwise import gelu as gelu
from rnnext.tensorflow.elementwise import log_softmax as log_softmax
from rnnext.tensorflow.elementwise import relu as relu
from rnnext.tensorflow.elementwise import relu6 as relu6
from rnnext.tensorflow.elementwise import selu as selu
from rnnext.tensorflow.elementwise import sigmoid as sigmoid
from rnnext.tensorflow.elementwise import silu as silu
from rnnext.tensorflow.elementwise import softmax as softmax
from rnnext.tensorflow.elementwise import softplus as softplus
from rnnext.tensorflow.elementwise import softsign as softsign
from rnnext.tensorflow.elementwise import tanh as tanh
from rnnext.tensorflow.functions import l2_normalize as l2_normalize
from rnnext.tensorflow.functions import leaky_relu as leaky_relu
from rnnext.tensorflow.neural import bias_add as bias_add
from rnnext.tensorflow.neural import ctc_loss as ctc_loss
from rnnext.tensorflow.neural import dropout as dropout
from rnnext.tensorflow.neural import l2_loss as l2_loss
from rnnext.tensorflow.neural import moments as moments
from rnnext.tensorflow.neural import sigmoid_cross_entropy_with_logits as sigmoid_cross_entropy_with_logits
from rnnext.tensorflow.neural import softmax_cross_entropy_with_logits as softmax_cross_entropy_with_logits
from rnnext.tensorflow.neural import sparse_softmax_cross_entropy_with_logits as sparse_softmax_cross_entropy_with_logits
from rnnext.tensorflow.reductions import top_k as top_k
from rnnext.tensorflow.selection import embedding_lookup as embedding_lookup

swish = silu
