from rnnext.interop.keras import from_keras as from_keras
from rnnext.saving.formats.limits import Limits as Limits
from rnnext.saving.load import load_model as load_model
from rnnext.saving.load import load_weights as load_weights
from rnnext.saving.load import model_from_json as model_from_json
from rnnext.saving.save import save_model as save_model
from rnnext.saving.save import save_weights as save_weights
from rnnext.saving.upgrade import upgraded as upgraded
