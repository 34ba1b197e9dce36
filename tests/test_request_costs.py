"""What a request with everything on costs the database, counted outside of the app by ``bench``."""

from __future__ import annotations

from bench import costs, product
from bench.costs import Costs
from bench.wire import Cost
from tests.services import POSTGRESQL_ADDRESS, listens, need


def test_requests_on_postgresql_have_these_costs() -> None:
    need("PostgreSQL", listens(POSTGRESQL_ADDRESS))

    assert costs.count(product, "postgresql") == Costs(
        request_otp=Cost(statements=2, commits=1, round_trips=2),
        verify_otp=Cost(statements=7, commits=1, round_trips=7),
        protected=Cost(statements=2, commits=0, round_trips=2),
    )


def test_requests_on_sqlite_have_these_costs() -> None:
    assert costs.count(product, "sqlite") == Costs(
        request_otp=Cost(statements=4, commits=1, round_trips=0),
        verify_otp=Cost(statements=11, commits=1, round_trips=0),
        protected=Cost(statements=4, commits=0, round_trips=0),
    )
