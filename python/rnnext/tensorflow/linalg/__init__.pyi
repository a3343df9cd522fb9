from rnnext.tensorflow.functions import matmul as matmul
from rnnext.ops.reductions import norm as norm
from rnnext.ops.products import einsum as einsum
from rnnext.ops.products import tensordot as tensordot
