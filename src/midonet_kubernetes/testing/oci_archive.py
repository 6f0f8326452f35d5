"""Container images without a registry: an archive of one layer, as ``ctr images import`` takes it (OCI image layout 1.0)."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_MEDIA_TYPE = "application/vnd.oci.image"


def write(archive: Path, name: str, programs: Mapping[str, Path], links: Mapping[str, str], entry_point: Sequence[str]) -> None:
    """Write an image of static programs.

    Args:
        archive: the file to write.
        name: of the image, with a registry and a tag, which need not exist: ``local/web:1``.
        programs: path inside of the image to file.
        links: path inside of the image to what it is a symbolic link to.
        entry_point: what is executed when nobody says otherwise.
    """
    layer = _layer(programs, links)
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    configuration = _document(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": list(entry_point), "Env": ["PATH=/bin:/"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _document(
        {
            "schemaVersion": 2,
            "mediaType": f"{_MEDIA_TYPE}.manifest.v1+json",
            "config": _described(configuration, "config.v1+json"),
            "layers": [_described(layer, "layer.v1.tar")],
        }
    )
    described = _described(manifest, "manifest.v1+json")
    described["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    files = {f"blobs/sha256/{_digest(blob).partition(':')[2]}": blob for blob in (layer, configuration, manifest)}
    files["oci-layout"] = _document({"imageLayoutVersion": "1.0.0"})
    files["index.json"] = _document({"schemaVersion": 2, "manifests": [described]})
    with tarfile.open(archive, "w") as output:
        for path, content in files.items():
            output.addfile(_entry(path, len(content)), io.BytesIO(content))


def _layer(programs: Mapping[str, Path], links: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for folder in ("bin", "etc", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            layer.addfile(entry)
        for path, program in programs.items():
            with program.open("rb") as content:
                layer.addfile(_entry(path.lstrip("/"), program.stat().st_size), content)
        for path, target in links.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            layer.addfile(entry)
    return buffer.getvalue()


def _entry(path: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = size, 0o755
    return entry


def _document(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii")


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _described(blob: bytes, kind: str) -> dict[str, Any]:
    return {"mediaType": f"{_MEDIA_TYPE}.{kind}", "digest": _digest(blob), "size": len(blob)}
