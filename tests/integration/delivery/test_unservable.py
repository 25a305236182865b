"""A version that passed its probes and then cannot be served: the deployment waits, and does not wait for ever."""

from __future__ import annotations

import pytest

from components.rollouts import Rollouts


@pytest.mark.feature("DEP-10", "RBK-05")
def test_a_route_that_is_not_served_yet_keeps_the_step_and_one_that_cannot_be_goes_back(served: Rollouts):
    served.engine.behind = True
    begun = served.deploy("2.0.0", "canary", step_seconds=0, min_requests=0)
    assert (begun.state, begun.step) == ("STAGE", 0), "nothing goes on before it is served"
    assert served.after(begun, 600).step == 0, "slow is no fault"
    served.engine.trouble = "its worker ends at once"
    ended = served.drive(begun)
    assert ended.state == "ROLLED_BACK"
    assert served.shares() == {"1.0.0": 1.0}


@pytest.mark.feature("DEP-10")
def test_a_fault_has_half_a_minute_to_mend_itself(served: Rollouts):
    served.engine.behind, served.engine.trouble = True, "its worker ends at once"
    begun = served.deploy("2.0.0", "canary", step_seconds=0, min_requests=0)
    assert served.after(begun, 29).state == "STAGE"
    served.engine.behind, served.engine.trouble = False, ""
    assert served.after(begun, 600).state == "SUCCEEDED"
