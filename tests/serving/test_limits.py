"""What one key may ask: told in every answer, refused beyond, filled again by itself."""

import pytest

from serving.api.limits import RateLimits
from serving.api.problems import Problem


def test_every_answer_tells_what_is_left_of_the_keys_requests(served):
    first = served.modeller.get("/v1/model").headers
    second = served.modeller.get("/v1/nothing").headers
    assert first["ratelimit-policy"] == '"requests";q=12000;w=60'
    assert first["ratelimit"].startswith('"requests";r=11999;t=')
    assert second["ratelimit"].startswith('"requests";r=')


def test_a_key_that_has_used_up_its_requests_is_told_when_to_come_again():
    now = [0.0]
    limits = RateLimits(lambda: now[0])
    for left in (2, 1, 0):
        assert limits.take("k", 3)["ratelimit"] == f'"requests";r={left};t={(3 - left) * 20}'
    with pytest.raises(Problem, match="too-many") as refused:
        limits.take("k", 3)
    assert refused.value.headers["retry-after"] == "20"
    assert limits.take("other", 3)["ratelimit"].startswith('"requests";r=2')
    now[0] = 20.0
    assert limits.take("k", 3)["ratelimit"].startswith('"requests";r=0')
    now[0] = 10_000.0
    assert limits.take("k", 3)["ratelimit"].startswith('"requests";r=2')
