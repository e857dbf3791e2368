"""Answers as they look, for the OpenAPI document; invented, and checked against their schemas by a test."""

from typing import Any

_RECORD: dict[str, Any] = {
    "customer_id": "C-1",
    "kind": "shop",
    "segment": "regular",
    "as_of": "2026-11-20T00:00:00Z",
    "horizon_days": 90,
    "churn_probability": 0.721402,
    "churn_range": {"low": 0.66, "high": 0.78},
    "risk_band": "high",
    "risk_percentile": 0.97,
    "p_alive": 0.41,
    "expected_purchases": 0.4312,
    "clv": {"mean": 172.4, "p10": 0.0, "p50": 96.5, "p90": 460.0},
    "clv_horizon_days": 365,
    "p_no_spend": 0.31,
    "clv_basis": "revenue",
    "annual_discount_rate": 0.0,
    "currency": "EUR",
    "value_if_stays": 410.0,
    "value_if_leaves": 80.65,
    "value_at_risk": 237.6,
    "contact_value": 66.19,
    "net_clv": None,
    "historic_value": 1240.81,
    "net_historic_value": None,
    "curve": [{"days": 30, "churn_probability": 0.88, "expected_purchases": 0.13, "clv_mean": 15.1}],
    "satisfaction": None,
    "reasons": [
        {
            "code": "rfm.days_since_last_order",
            "family": "rfm",
            "owner": "brand",
            "direction": "raises",
            "contribution": 0.61,
            "actionable": True,
            "text": "Last order 58 days ago; usually orders every 31 days.",
        }
    ],
    "flags": [],
    "model_version": "3",
    "feature_hash": "0123456789abcdef",
    "generation": "20261120-m3-5b1c0d9e7a",
    "scored_at": "2026-11-20T04:10:00Z",
}
_HEAD = {"as_of": "2026-11-20T00:00:00Z", "generation": "20261120-m3-5b1c0d9e7a", "model_version": "3"}
_SCORED = {"customer_id": "C-1", "status": "scored", "score": _RECORD}
_UNKNOWN = {
    "customer_id": "C-99",
    "status": "not_scored",
    "problem": {"type": "urn:fedele:problem:unknown", "code": "unknown", "title": "No such customer"},
}
_OUTCOME = {
    "outcome_id": "out_3k2m",
    "revision": 1,
    "recorded_at": "2026-11-21T06:00:00Z",
    "customer_id": "C-1",
    "result": "kept",
    "occurred_at": "2026-11-20T09:00:00Z",
    "action": "call",
}
EXAMPLES: dict[tuple[str, str], Any] = {
    ("post", "/v1/scores"): _HEAD
    | {"results": [_SCORED, _UNKNOWN], "summary": {"requested": 2, "scored": 1, "not_scored": 1}},
    ("get", "/v1/scores"): _HEAD | {"data": [_SCORED, _UNKNOWN], "next_cursor": None},
    ("get", "/v1/customers/{customer_id}/score"): _RECORD,
    ("get", "/v1/customers/{customer_id}/history"): {"data": [_HEAD | _SCORED]},
    ("post", "/v1/customers/{customer_id}/rescore"): _HEAD | {"facts": {"orders": 1}, "result": _SCORED},
    ("get", "/v1/at-risk"): _HEAD | {"data": [_RECORD], "next_cursor": "k3J0", "kinds": ["shop"]},
    ("get", "/v1/model"): _HEAD
    | {
        "scored_at": "2026-11-20T04:10:00Z",
        "facts_until": "2026-11-19T22:41:07Z",
        "scored": 23502,
        "kinds": {"shop": 23502},
        "not_scored": {"no_first_order": 68},
        "flags": [],
        "champion": "3",
        "current": True,
        "in_service": "3",
        "degraded": False,
        "degraded_reason": None,
    },
    ("get", "/v1/reasons"): {
        "model_version": "3",
        "reasons": [
            {
                "code": "rfm.days_since_last_order",
                "family": "rfm",
                "owner": "brand",
                "actionable": True,
                "unit": "days",
                "text": "days since the last order",
            }
        ],
        "families": [{"code": "rfm", "text": "orders and spending"}],
        "flags": [{"code": "stale", "text": "The newest facts are old."}],
        "not_scored": [{"code": "unknown", "text": "No such customer"}],
    },
    ("post", "/v1/outcomes"): {
        "results": [
            {"index": 0, "status": "ok", "outcome_id": "out_3k2m", "etag": '"out_3k2m.1"'},
            {
                "index": 1,
                "status": "error",
                "errors": [
                    {
                        "pointer": "/outcomes/1/customer_id",
                        "code": "unknown",
                        "detail": "No such customer.",
                    }
                ],
            },
        ],
        "summary": {"received": 2, "stored": 1, "refused": 1},
    },
    ("get", "/v1/outcomes/{outcome_id}"): _OUTCOME,
    ("put", "/v1/outcomes/{outcome_id}"): _OUTCOME | {"revision": 2, "result": "lost"},
    ("post", "/v1/customers:erase"): {
        "status": "erased",
        "facts": {"orders": 12, "tickets": 1},
        "scores": {"20261120-m3-5b1c0d9e7a": 1},
        "ledger_rows": 4,
        "work_rows": 1,
        "messages": 0,
        "job_files": 0,
        "live_files": 3,
        "copies": {},
        "searched_files": 214,
        "searched_bytes": 73_400_320,
        "hits": [],
    },
    ("post", "/v1/jobs"): {"job_id": "job_7q4x", "state": "queued"},
    ("get", "/v1/jobs/{job_id}"): {
        "job_id": "job_7q4x",
        "state": "done",
        "created_at": "2026-11-21T06:00:00Z",
        "ended_at": "2026-11-21T06:00:04Z",
        "attempts": 1,
        "generation": "20261120-m3-5b1c0d9e7a",
        "counts": {"requested": 3, "scored": 2, "not_scored": 1},
        "reason": None,
        "result": "/v1/jobs/job_7q4x/result",
    },
}
