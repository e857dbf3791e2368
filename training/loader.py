"""How MLflow's pyfunc opens a bundle: the ``loader_module`` of every registered version, without MLflow."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.bundle import load_manifest, load_model
from training.manifest import list_features

if TYPE_CHECKING:
    import pandas as pd

    from training.models.company_model import CompanyModel


class BundlePredictor:
    """The model of a bundle with pyfunc's ``predict``."""

    def __init__(self, model: "CompanyModel", features: list[str], answers: list[str]) -> None:
        self.model = model
        self.features = features
        self.answers = answers

    def predict(self, model_input: "pd.DataFrame", params: dict[str, Any] | None = None) -> "pd.DataFrame":
        """Return one row of numbers per row of feature values, in the same order and with the same index.

        A missing value may be None, NaN or NA; columns the model does not know are ignored.
        """
        del params
        import pandas as pd

        known = model_input[self.features]
        rows = known.astype(object).where(known.notna(), None).to_dict("records")
        answers = [{name: answer[name] for name in self.answers} for answer in self.model.predict_rows(rows)]
        return pd.DataFrame(answers, index=model_input.index, columns=self.answers, dtype="float64")


def _load_pyfunc(path: str) -> BundlePredictor:
    """Return the predictor over the bundle in ``path``; MLflow calls this by its name."""
    folder = Path(path)
    manifest = load_manifest(folder)
    features = [feature["name"] for feature in list_features(manifest)]
    return BundlePredictor(load_model(folder), features, sorted(manifest["golden"][0]["expected"]))
