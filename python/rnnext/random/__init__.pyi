from rnnext.random.draw import SeedGenerator as SeedGenerator
from rnnext.random.draw import categorical as categorical
from rnnext.random.draw import normal as normal
from rnnext.random.draw import randint as randint
from rnnext.random.draw import shuffle as shuffle
from rnnext.random.draw import truncated_normal as truncated_normal
from rnnext.random.draw import uniform as uniform
from rnnext.settings import set_random_seed

set_seed = set_random_seed
