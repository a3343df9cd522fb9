from rnnext.tensorflow.train.checkpoints import Checkpoint as Checkpoint
from rnnext.tensorflow.train.checkpoints import CheckpointManager as CheckpointManager
from rnnext.tensorflow.train.state_file import latest_checkpoint as latest_checkpoint
