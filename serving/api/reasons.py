"""The catalogue of codes: reasons, families, flags and why there is no score, with their texts."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from contracts.feature_frame import Feature
from contracts.scores import FLAGS, Language, NotScored, dumps
from serving.api.answers import respond
from serving.api.documents import ReasonsDocument, ScoreQuery, answers_with
from serving.api.languages import choose_language
from serving.api.problems import not_scored_problem
from serving.champion import Champion
from serving.tenants import Tenant
from training.models.columns import BTYD_FEATURES
from training.models.explain import family_of
from training.models.rules import RULE_FEATURES

reasons = APIRouter()
_NOT_SCORED: tuple[NotScored, ...] = ("no_first_order", "no_model", "already_ended", "suppressed", "unknown")


@reasons.get("/v1/reasons", responses=answers_with(ReasonsDocument))
def get_reasons(query: Annotated[ScoreQuery, Query()], request: Request) -> Response:
    """Every code that a record may hold, in words; reasons are those of the model in service."""
    tenant: Tenant = request.state.tenant
    language = choose_language(query.lang, request.headers.get("accept-language"))
    return respond(request, dumps(list_codes(tenant.holder.champion, language)), language)


def list_codes(champion: Champion | None, language: Language) -> dict[str, Any]:
    """Return the catalogue of a model, without reasons where none is loaded."""
    from features.wording.catalogue import load_catalogue

    parts = () if champion is None else champion.model.parts.values()
    known: dict[str, Feature] = {each.name: each for part in parts for each in part.features}
    if champion is not None and champion.model.shop is not None:
        known |= {each.name: each for each in (*BTYD_FEATURES, *RULE_FEATURES.values())}
    catalogue = load_catalogue().for_company(known.values())
    families = sorted({family_of(each) for each in known.values()})
    return {
        "model_version": None if champion is None else champion.version,
        "reasons": [
            {
                "code": each.name,
                "family": family_of(each),
                "owner": each.owner,
                "actionable": each.actionable,
                "unit": each.unit,
                "text": catalogue.label(each.name, language),
            }
            for each in known.values()
        ],
        "families": [{"code": name, "text": catalogue.family(name, language)} for name in families],
        "flags": [{"code": flag, "text": catalogue.text("flags", flag, language)} for flag in FLAGS],
        "not_scored": [
            {"code": reason, "text": not_scored_problem(reason, language)["title"]} for reason in _NOT_SCORED
        ],
    }
