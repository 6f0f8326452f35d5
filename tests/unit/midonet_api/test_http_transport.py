from __future__ import annotations

import gzip

import pytest
from aiohttp import web

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.exchange import Request
from midonet_kubernetes.midonet_api import HttpTransport, tls_context

PACKED = gzip.compress(b"{}")


async def test_only_the_requests_own_headers_are_sent_and_a_packed_body_stays_packed():
    seen = []

    async def answer(request):
        seen.append((request.path, sorted(request.headers)))
        return web.Response(body=PACKED, headers={"Content-Encoding": "gzip"})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    transport = HttpTransport(f"http://127.0.0.1:{runner.addresses[0][1]}/midonet-api")
    try:
        answered = await transport.send(Request("GET", "/midonet-api/x", {"X-Auth-Token": "t"}))
    finally:
        await transport.close()
        await runner.cleanup()
    assert answered.body == PACKED
    assert seen == [("/midonet-api/x", ["Host", "X-Auth-Token"])]


def test_a_file_that_holds_no_certificate_is_said(tmp_path):
    path = tmp_path / "ca.pem"
    for content in (None, "no certificate"):
        if content is not None:
            path.write_text(content)
        with pytest.raises(UserError, match="give the certificate of the server's CA"):
            tls_context(str(path))
