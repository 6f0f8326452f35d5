"""What ``midonet-kube status`` is told by the running controllers."""

import pytest

from midonet_kubernetes.controllers import report
from midonet_kubernetes.errors import MidonetKubeError
from midonet_kubernetes.testing.mortal import running

pytestmark = pytest.mark.looptime


async def test_everything_pushed_is_counted_by_kind_and_nothing_is_left_over(shop):
    async with running(shop) as program:
        await shop.settle(program)
        told = report.status(program)
    assert told["leader"]
    assert told["kinds"]["Bridge"]["wanted"] > 0
    assert all(count["wanted"] == count["pushed"] for count in told["kinds"].values())
    assert told["unsettled"] == []


async def test_verify_finds_what_was_deleted_behind_its_back_and_has_it_put_right(shop):
    async with running(shop) as program:
        await shop.settle(program)
        whole = shop.topology()
        assert (await report.verify(program))["found"] == []
        rule = next(id_ for id_, one in whole["Rule"].items() if one["type"] == "dnat")
        assert (await shop.midonet.request("DELETE", f"/rules/{rule}")).ok
        assert (await report.verify(program))["found"] == [{"kind": "Rule", "id": rule}]
        await shop.settle(program)
        assert shop.topology() == whole


async def test_a_replica_that_does_not_lead_says_whom_to_ask(shop):
    async with running(shop) as leading:
        await shop.settle(leading)
        standby = shop.controllers(identity="standby")
        with pytest.raises(MidonetKubeError, match="ask the other one"):
            await report.verify(standby)
