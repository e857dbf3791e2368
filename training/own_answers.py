"""Heads taught by a company's own scored answers: at each cutoff by those known before it, no others."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from contracts.settings import Settings
from features.engine import Events, read_frame
from features.snapshot import take_snapshot
from features.spoken import AS_OF, TEXT, TOLD, Head, Heard, Teach
from training.bundle import BundleContent
from training.models.company_voice import VOICE_FILE, CompanyVoice
from training.models.text_head import TextHead

MINIMUM_ANSWERS = 10
"""Fewer scored comments than this teach nothing: the sentiment stays that of the prototypes."""
OF_RIVALS = "nps_competitive"
"""These answers rate another company."""


def listen(events: Events) -> Events:
    """Return the events whose sentiments are taught by the company's own answers, cutoff by cutoff."""
    return events if events.heard is None else events.with_teaching(teaching(events.heard))


def teaching(heard: Heard) -> Teach:
    """Return what finds the head of each cutoff from the texts known there."""

    def teach(told: pd.DataFrame) -> Mapping[pd.Timestamp, Head]:
        heads = {as_of: fit_head(rows, heard) for as_of, rows in told.groupby(AS_OF)}
        return {as_of: head for as_of, head in heads.items() if head is not None}

    return teach


def fit_head(told: pd.DataFrame, heard: Heard) -> TextHead | None:
    """Return the head taught by rows of ``TOLD``; None where too few comments have a score beside them."""
    low, high, score = (told[name].to_numpy(dtype=np.float64) for name in ("scale_min", "scale_max", "score"))
    labelled = (score >= low) & (score <= high) & (low < high) & (told["kind"] != OF_RIVALS).to_numpy()
    if np.count_nonzero(labelled) < MINIMUM_ANSWERS:
        return None
    at = np.array([heard.places[text] for text in told.loc[labelled, TEXT]], dtype=np.int64)
    shares = (score[labelled] - low[labelled]) / (high[labelled] - low[labelled])
    return TextHead.fit(heard.vectors[at], heard.base[at], shares)


def learn_voice(events: Events, settings: Settings, as_of: datetime) -> CompanyVoice | None:
    """Return the head of ``as_of`` for the bundle, from answers before it; None where nothing is taught."""
    if events.heard is None:
        return None
    feedback = take_snapshot(events, as_of, settings).feedback
    told = read_frame(feedback.filter(feedback.sentiment.notnull()).select(*TOLD)).to_pandas()
    head = fit_head(told.sort_values(list(TOLD), ignore_index=True), events.heard)
    return None if head is None else CompanyVoice(events.heard.embedder, head)


def add_voice(content: BundleContent, voice: CompanyVoice | None) -> BundleContent:
    """Return the bundle with the head in it, unchanged where nothing is taught."""
    if voice is None:
        return content
    return BundleContent(content.manifest, {**content.files, VOICE_FILE: voice.to_dict()})
