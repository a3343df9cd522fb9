"""The named workloads: what is computed, and how much arithmetic and reading that takes.

A name says all: `[ragged ][Bi][Nx]CELL B,T,D,H[ Dense K]` is a layer, or N of them, over B samples
of T steps of D features with H units, and perhaps a Dense layer after it. `ragged` has lengths
uniform in 1..T, padded at the end. Any such name is a workload, not only those listed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
_NAME = re.compile(
    r"(?P<ragged>ragged )?(?P<bi>Bi)?(?:(?P<depth>\d+)x)?(?P<cell>SimpleRNN|LSTM|GRU) "
    r"(?P<B>\d+),(?P<T>\d+),(?P<D>\d+),(?P<H>\d+)(?: Dense (?P<dense>\d+))?"
)


@dataclass(frozen=True)
class LayerWorkload:
    """Recurrent layers over random numbers.

    Attributes:
        name: As described above.
        cell: SimpleRNN, LSTM or GRU.
        B: Batch.
        T: Time steps.
        D: Input features.
        H: Units.
        depth: Layers on top of each other; all but the last return sequences.
        bidirectional: Whether each is in a Bidirectional.
        ragged: Whether the samples have different lengths.
        dense: Units of the Dense layer at the end, 0: none.
    """

    name: str
    cell: str
    B: int
    T: int
    D: int
    H: int
    depth: int = 1
    bidirectional: bool = False
    ragged: bool = False
    dense: int = 0

    @property
    def is_one_layer(self) -> bool:
        """Whether it is measured as `layer(x)`, as opposed to `model(x)`."""
        return self.depth == 1 and not self.dense

    @property
    def recurrences(self) -> list[tuple[int, int]]:
        """For every recurrence, directions apart: its input features and its number of gates."""
        directions = 2 if self.bidirectional else 1
        features = [self.D] + [self.H * directions] * (self.depth - 1)
        return [(D, GATES[self.cell]) for D in features for _ in range(directions)]


@dataclass(frozen=True)
class PublishedWorkload:
    """One sample through a whole model that its authors published.

    Attributes:
        name: Of the model.
        shape: Of the input.
        ids: Inputs are whole numbers below this; 0: they are normal numbers.
    """

    name: str
    shape: tuple[int, ...]
    ids: int = 0


Workload = LayerWorkload | PublishedWorkload

PUBLISHED = (
    PublishedWorkload("sleepecg", (1, 300, 36)),
    PublishedWorkload("dgaintel", (1, 82), ids=39),
)

NAMES = (
    "LSTM 1,1,16,64",
    "SimpleRNN 1,10,3,5",
    "GRU 1,1,64,256",
    "SimpleRNN 1,100,64,128",
    "LSTM 1,100,64,128",
    "GRU 1,100,64,128",
    "LSTM 1,100,256,256",
    "LSTM 1,100,512,512",
    "BiLSTM 1,200,256,256",
    "LSTM 32,100,128,256",
    "GRU 64,100,128,256",
    "LSTM 256,50,256,512",
    "SimpleRNN 64,100,64,128",
    "3xLSTM 8,60,32,96 Dense 10",
    "ragged LSTM 64,200,64,128",
    *(workload.name for workload in PUBLISHED),
)


def find_workload(name: str) -> Workload:
    """The workload of a name.

    Raises:
        ValueError: The name is none; says what names look like.

    >>> find_workload("BiLSTM 1,200,256,256").recurrences
    [(256, 4), (256, 4)]
    """
    for workload in PUBLISHED:
        if workload.name == name:
            return workload
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(
            f"no workload is called {name!r}; published models: "
            f"{', '.join(workload.name for workload in PUBLISHED)}; layers: "
            "'[ragged ][Bi][Nx]CELL B,T,D,H[ Dense K]' with CELL SimpleRNN, LSTM or GRU, "
            "e.g. 'LSTM 1,100,64,128'"
        )
    sizes = {size: int(match[size]) for size in "BTDH"}
    return LayerWorkload(
        name,
        match["cell"],
        **sizes,
        depth=int(match["depth"] or 1),
        bidirectional=match["bi"] is not None,
        ragged=match["ragged"] is not None,
        dense=int(match["dense"] or 0),
    )
