from rnnext.engines.ray_data import Predictor as Predictor
from rnnext.engines.ray_data import predict as predict
