from rnnext.dtypes import DTypePolicy as DTypePolicy
from rnnext.dtypes import get_policy

get = get_policy
FloatDTypePolicy = DTypePolicy
