import json
import shutil
from urllib.parse import urlencode

import aiohttp
import pytest
import yaml

from midonet_kubernetes.observability.metrics import REQUEST_SECONDS, REQUESTS
from midonet_kubernetes.testing import small_cluster
from midonet_kubernetes.testing.background import Background, free_ports, until
from midonet_kubernetes.testing.cluster_load import with_status
from midonet_kubernetes.testing.objects import PODS, pod

RATE = f"sum(rate({REQUESTS.name}[1m])) by (resource, code)"
LATENCY = f"histogram_quantile(0.95, sum(rate({REQUEST_SECONDS.name}_bucket[1m])) by (le, resource))"
PORT = "application/vnd.org.midonet.Port-v3+json"


async def ask(address, query):
    """A query's answer: value by labels."""
    async with aiohttp.ClientSession() as session, session.get(f"{address}/api/v1/query?{urlencode({'query': query})}") as answer:
        if answer.status != 200:  # it is not ready yet
            return {}
        found = json.loads(await answer.read())
    return {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in found["data"]["result"]}


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed (Debian: apt-get install prometheus)")
async def test_the_example_queries_of_the_go_program_give_sensible_answers_in_prometheus(api, installation, tmp_path):
    replica = installation.start()
    (port,) = free_ports(1)
    target = replica.address.removeprefix("http://")
    jobs = [{"job_name": "controllers", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}]
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump({"scrape_configs": jobs}))
    argv = [
        "prometheus",
        f"--config.file={tmp_path / 'prometheus.yaml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with Background(argv, tmp_path / "prometheus.log") as prometheus:
        address = f"http://127.0.0.1:{port}"

        async def is_scraped():
            try:
                return await ask(address, "up == 1")
            except aiohttp.ClientError:
                return {}

        await until("the first scrape", is_scraped, programs=[replica.process, prometheus])
        await small_cluster.create(api, installation)
        await until("a counted Port", lambda: ask(address, f"{REQUESTS.name}{{resource='{PORT}'}}"), programs=[replica.process])
        await with_status(api, PODS, pod("web-3", "node-a", "10.1.1.5"))  # what a counter starts with is no increase

        async def answers():
            rates, latencies = await ask(address, RATE), await ask(address, LATENCY)
            assert rates.get((("code", "201"), ("resource", PORT)), 0) > 0, rates
            assert 0 < latencies.get((("resource", PORT),), -1) < 10, latencies
            return True

        await until("rates and latencies of Ports", answers, every=0.5, programs=[replica.process, prometheus])
