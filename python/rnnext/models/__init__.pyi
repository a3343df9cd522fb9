from rnnext.saving import from_keras as from_keras
from rnnext.models.functional import Functional as Functional
from rnnext.models.model import Model as Model
from rnnext.models.model import clone_model as clone_model
from rnnext.models.sequential import Sequential as Sequential
from rnnext.saving.load import load_model as load_model
from rnnext.saving.load import model_from_json as model_from_json
from rnnext.saving.save import save_model as save_model
