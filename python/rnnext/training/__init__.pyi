from rnnext.training.compile_loss import CompileLoss as CompileLoss
from rnnext.training.compile_metrics import CompileMetrics as CompileMetrics
from rnnext.training.outputs import in_order as in_order
from rnnext.training.data import batches_of as batches_of
from rnnext.training.epochs import evaluate as evaluate
from rnnext.training.epochs import fit as fit
from rnnext.training.epochs import on_batch as on_batch
