"""A program with planted mistakes: each line marked MISTAKE has one, no other has any.

`tests/check_types.py` asks the type checkers for the lines. The program is never run.
"""

from __future__ import annotations

import numpy as np

import rnnext
import rnnext as tf
from rnnext.callbacks import History
from rnnext.keras.layers import GRU
from rnnext.layers import LSTM, Add, Bidirectional, Conv1D, Dense, Dropout, Embedding, Input
from rnnext.models import Model, Sequential, load_model

x = np.zeros((4, 5, 3), "float32")

# Constructors.
LSTM(5, return_sequence=True)  # MISTAKE: the name of the argument
LSTM("5")  # MISTAKE: a string for a number
LSTM()  # MISTAKE: no units
GRU(4, reset_after="no")  # MISTAKE: a string for a boolean
Dense(2, activation=3.5)  # MISTAKE: a number for an activation
Dense(2, kernel_initializer=0.1)  # MISTAKE: a number for an initializer
Dense(2, nmae="out")  # MISTAKE: a misspelt argument of every layer
Add(nmae="sum")  # MISTAKE: a misspelt argument of a layer without others
Dropout("half")  # MISTAKE: a string for a number
Embedding(100)  # MISTAKE: no output_dim
Input(10)  # MISTAKE: a number for a shape
Bidirectional("lstm")  # MISTAKE: a string for a layer
Conv1D(8, "3")  # MISTAKE: a string for a size
Bidirectional(LSTM(4), merge_mode=1)  # MISTAKE: a number for a name
tf.keras.layers.LSTM(5, units=5)  # MISTAKE: one argument twice
tf.keras.layers.LSMT(5)  # MISTAKE: no such layer

# Models and layers.
model = Sequential([Input((None, 3)), LSTM(5)])
model.ad(Dense(2))  # MISTAKE: a misspelt method
Sequential([LSTM])  # MISTAKE: a class for a layer
model.add(5)  # MISTAKE: a number for a layer
Sequential([LSTM(5)], nmae="stack")  # MISTAKE: a misspelt argument
model.predict()  # MISTAKE: no samples
model.predict(x).append(1)  # MISTAKE: an array has no append
model.predict(x, batch_size="32")  # MISTAKE: a string for a number
model.summary(line_lenght=80)  # MISTAKE: a misspelt argument
shape = model.get_weights().shape  # MISTAKE: a list of arrays has no shape
model.get_layer(index="first")  # MISTAKE: a string for an index
LSTM(5).get_wieghts()  # MISTAKE: a misspelt method
symbol = Input((3,))
functional = Model(symbol, Dense(2)(symbol))
functional.predictt(x)  # MISTAKE: a misspelt method
functional.stream(batch_size="2")  # MISTAKE: a string for a number
model.compile(optimiser="adam")  # MISTAKE: a misspelt argument
model.fit(x, x, epoch=3)  # MISTAKE: a misspelt argument
past = model.fit(x, x).histories  # MISTAKE: the attribute is history
model.evaluate(x, x, batch_size="32")  # MISTAKE: a string for a number

# Files, streams, callbacks and settings.
loaded = load_model("model.keras")
loaded.layer("lstm")  # MISTAKE: no such method
loaded + 1  # MISTAKE: a model is no number
rnnext.load_model(5)  # MISTAKE: a number for a file
stream = model.stream()
stream.steps(x[:, 0])  # MISTAKE: the method is step
stream.step(x[:, 0]).append(1)  # MISTAKE: an array has no append
history = History().histories  # MISTAKE: the attribute is history
rnnext.set_num_threads("2")  # MISTAKE: a string for a number
rnnext.from_keras(None).sumary()  # MISTAKE: a misspelt method
rnnext.from_torch(None, take=1)  # MISTAKE: a number for a word
