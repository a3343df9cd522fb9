from rnnext import keras as keras
