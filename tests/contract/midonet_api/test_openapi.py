"""Schemathesis asks what the OpenAPI document allows, and more, and compares the answers with it.

By hand, for longer or with other examples: ``SCHEMATHESIS='--max-time 600 --seed 7'``, which is added to its options.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from pathlib import Path

import pytest

from midonet_kubernetes.minimidonet.server.reference import supported

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
SECONDS = 30
MORE = shlex.split(os.environ.get("SCHEMATHESIS", ""))
QUIRKS_WITH_500 = ("MNA-1249", "MNA-1315")


async def _serve() -> tuple[asyncio.subprocess.Process, str]:
    quirks = [f"--without-quirk={number}" for number in QUIRKS_WITH_500]
    argv = (sys.executable, "-m", "midonet_kubernetes.minimidonet.main", "serve", "--listen=127.0.0.1:0", *quirks)
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    line = await process.stdout.readline()
    return process, line.decode().split()[-1]


@pytest.mark.slow
async def test_the_server_does_what_its_document_says(tmp_path):
    server, api = await _serve()
    try:
        document = api.removesuffix("/midonet-api") + "/minimidonet/v1/openapi.json"
        program = Path(sys.executable).with_name("schemathesis")
        general = (program, "--no-color", "--config-file", CONFIGURATION)
        options = ("--url", api, "--max-time", str(SECONDS), "--seed", "1", "--generation-database", "none", *MORE)
        output = asyncio.subprocess.PIPE
        asking = await asyncio.create_subprocess_exec(
            *general, "run", document, *options, stdout=output, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path
        )
        said, _ = await asking.communicate()
    finally:
        server.terminate()
        await server.wait()
    assert asking.returncode == 0, said.decode()[-6000:]
    assert f"Tested: {len(list(supported()))}" in said.decode()
