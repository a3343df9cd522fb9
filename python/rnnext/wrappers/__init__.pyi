from rnnext.wrappers import scikit_learn as scikit_learn
from rnnext.wrappers.estimators import SKLearnClassifier as SKLearnClassifier
from rnnext.wrappers.estimators import SKLearnRegressor as SKLearnRegressor
from rnnext.wrappers.estimators import SKLearnTransformer as SKLearnTransformer
