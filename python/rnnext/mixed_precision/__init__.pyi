from rnnext.dtypes import DTypePolicy as DTypePolicy
from rnnext.dtypes import dtype_policy as dtype_policy
from rnnext.dtypes import set_dtype_policy as set_dtype_policy
from rnnext.optimizers import LossScaleOptimizer as LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy
