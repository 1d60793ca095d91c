"""Damage to files of weights is noticed before they are used: one flipped bit makes another policy.

Torch's archives (checkpoints, TorchScript) and those of Stable-Baselines3 are zip files, which carry a CRC-32
of each part; torch itself does not look at it. ONNX has none: our exports end in the sha256 of all bytes
before it.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import Mapping, Union

from humanoid_envs.errors import UserError

SEAL = "sha256"
"""Name of the ONNX metadata that ends a file."""

_DIGITS = 64


def require_intact(path: Union[str, Path]) -> None:
    """Raise UserError unless all parts of a zip archive have the checksums that it carries."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise UserError(f"{path} cannot be read: it is damaged or incomplete ({error}).") from error
    if damaged is not None:
        raise UserError(
            f"{path} cannot be read: it is damaged, its part {damaged!r} does not have the checksum that the "
            "file says. Copy or export it again."
        )


def seal_onnx(path: Path) -> None:
    """Append a metadata entry `sha256`: 64 digits, of all bytes before them.

    A serialized protobuf message may be followed by further fields of it; nothing that is there changes.
    """
    value = _field(1, SEAL.encode()) + _field(2, b"0" * _DIGITS)
    content = path.read_bytes() + _field(14, value)[:-_DIGITS]  # ModelProto.metadata_props
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())


def require_sealed(content: bytes, metadata: Mapping[str, str], path: Path) -> None:
    """Raise UserError if an ONNX file with that metadata entry is not what it was when it was sealed. Files
    without one pass."""
    if SEAL in metadata and hashlib.sha256(content[:-_DIGITS]).hexdigest() != metadata[SEAL]:
        raise UserError(
            f"{path} was damaged or changed: its content is not what its sha256 says. Copy or export it "
            f"again; who changed it on purpose removes the metadata {SEAL!r}."
        )


def _field(number: int, content: bytes) -> bytes:
    """A protobuf field of bytes; number and length are small enough for a byte each."""
    assert number < 16
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content
