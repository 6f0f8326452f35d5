import asyncio

from midonet_kubernetes.testing import small_cluster
from midonet_kubernetes.testing.background import until
from midonet_kubernetes.testing.installation import CONTROLLERS
from midonet_kubernetes.testing.small_cluster import endpoints, until_pushed

USER = f"system:serviceaccount:kube-system:{CONTROLLERS}"


def writes(kubernetes, since):
    """What the controllers have written since, Leases apart."""
    entries, _ = kubernetes.audit(since=since)
    return [
        (entry["verb"], entry["requestURI"])
        for entry in entries
        if entry["user"]["username"] == USER
        and entry["verb"] in {"create", "update", "patch", "delete"}
        and entry["objectRef"]["resource"] != "leases"
    ]


async def seconds_until_it_leads(replica):
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await until("the hand-over", replica.leads, programs=[replica.process])
    return loop.time() - begun


async def test_who_takes_over_from_a_dead_or_leaving_leader_writes_nothing_that_is_written(kubernetes, api, installation):
    await small_cluster.create(api, installation)
    first = installation.start("first")
    await until("a leader", first.leads, programs=[first.process])
    second = installation.start("second")
    await until_pushed(api, first, second)
    await until("the last Events", first.settled)
    written = await installation.midonet_writes()
    _, mark = kubernetes.audit()
    assert not await second.leads()

    first.process.kill()
    assert await seconds_until_it_leads(second) <= 15
    await until("the second replica's readiness", second.settled, programs=[second.process])
    third = installation.start("third")
    await until("the third replica", third.listens, programs=[third.process])

    second.process.process.terminate()
    assert await seconds_until_it_leads(third) <= 2
    await until("the third replica's readiness", third.settled, programs=[third.process])
    assert second.process.process.wait(10) == 0
    assert writes(kubernetes, mark) == []
    assert await installation.midonet_writes() == written

    await small_cluster.move_second_endpoint(api, "10.1.1.9")

    async def followed():
        return await endpoints(installation.midonet) == ["10.1.1.3", "10.1.1.9"]

    await until("what the third replica does", followed, programs=[third.process])
    assert len(writes(kubernetes, mark)) > 0


async def test_what_happened_while_nobody_ran_is_made_good(api, installation):
    await small_cluster.create(api, installation)
    with installation.running("first") as first:
        await until_pushed(api, first)
    await small_cluster.move_second_endpoint(api, "10.1.1.9")
    with installation.running("second") as second:

        async def followed():
            return await endpoints(installation.midonet) == ["10.1.1.3", "10.1.1.9"]

        await until("the new endpoint", followed, programs=[second.process])
