"""A network as an ONNX file, written byte by byte: the format's protocol buffers need no library.

``yolo_like`` answers every picture with given boxes, whose class scores are the mean red, green and
blue of what the network was given; so a test sees both what goes in and what comes out.
"""

from pathlib import Path

import numpy as np

FLOAT, INT64 = 1, 7


def yolo_like(path: Path, rows: np.ndarray, side: int) -> Path:
    """rows: (n, 4) centre x, y, width, height. Output (1, 7, n), the layout of YOLOv8."""
    count = len(rows)
    nodes = [
        _node("GlobalAveragePool", ["images"], ["mean"]),
        _node("Reshape", ["mean", "shape"], ["column"]),
        _node("Mul", ["column", "ones"], ["scores"]),
        _node("Concat", ["boxes", "scores"], ["output"], axis=1),
    ]
    tensors = [
        _tensor("shape", np.array([1, 3, 1], np.int64)),
        _tensor("ones", np.ones((1, 1, count), np.float32)),
        _tensor("boxes", np.asarray(rows, np.float32).T[None]),
    ]
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"tiny")
    graph += b"".join(_field(5, tensor) for tensor in tensors)
    graph += _field(11, _value("images", (1, 3, side, side)))
    graph += _field(12, _value("output", (1, 7, count)))
    model = _number(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, 13))
    path.write_bytes(model)
    return path


def _varint(value: int) -> bytes:
    parts = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        parts.append(low | (0x80 if value else 0))
        if not value:
            return bytes(parts)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _node(kind: str, inputs: list[str], outputs: list[str], **whole: int) -> bytes:
    content = b"".join(_field(1, name.encode()) for name in inputs)
    content += b"".join(_field(2, name.encode()) for name in outputs)
    content += _field(3, f"{kind}_{outputs[0]}".encode()) + _field(4, kind.encode())
    for name, value in whole.items():
        content += _field(5, _field(1, name.encode()) + _number(3, value) + _number(20, 2))
    return content


def _tensor(name: str, values: np.ndarray) -> bytes:
    kind = FLOAT if values.dtype == np.float32 else INT64
    content = b"".join(_number(1, size) for size in values.shape) + _number(2, kind)
    return content + _field(8, name.encode()) + _field(9, values.tobytes())


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(_field(1, _number(1, size)) for size in shape)
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, FLOAT) + _field(2, sizes)))
