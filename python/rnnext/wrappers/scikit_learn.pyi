from rnnext.wrappers.older_estimators import BaseWrapper as BaseWrapper
from rnnext.wrappers.older_estimators import KerasClassifier as KerasClassifier
from rnnext.wrappers.older_estimators import KerasRegressor as KerasRegressor
