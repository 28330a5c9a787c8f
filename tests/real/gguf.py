"""A language model cut down to its first layers, so that a real server reads an agent's prompt in seconds.

A GGUF file (version 3, little endian) is, in this order:

- the magic `GGUF`, the version (u32), the number of tensors (u64), the number of fields (u64);
- the fields: key, type (u32), value. A text, which a key is too, is its length in bytes (u64) and UTF-8; a list is the
  type of its items (u32), their number (u64) and the items;
- the table of tensors: name, number of dimensions (u32), each dimension (u64), type (u32), and where its data begins
  (u64), counted from the first byte after the table that `general.alignment` (32 if the field is not there) divides;
- the tensors' data, each padded to that alignment.

The layers are the tensors `blk.N.…`. With `llama.block_count` set to two and no tensor of the others, llama.cpp loads a
model that has the tokenizer, the template and the size of window of the whole one, and that talks nonsense.
"""

import hashlib
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCKS = 2
CONTEXT = 65_536  # tokens; the whole SmolLM2 says 8192, and nothing in the file's tensors depends on it

MAGIC = b"GGUF"
VERSION = 3
TEXT, LIST, U32 = 8, 9, 4
WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a value by its type: u8, i8, u16, i16, u32, i32, f32, bool, u64, i64, f64."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field, its value still in the file's bytes."""

    key: str
    kind: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Tensor:
    """One line of the table: what stands between name and offset stays in the file's bytes."""

    name: str
    shape: bytes
    offset: int

    @property
    def block(self) -> int | None:
        """The number of its layer; None for what belongs to none (embeddings, the last norm)."""
        found = re.match(r"blk\.(\d+)\.", self.name)
        return int(found[1]) if found else None


class Reader:
    """Reads forward through the header."""

    def __init__(self, file: bytes) -> None:
        self.file = file
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if self.at + count > len(self.file):
            raise ValueError("the file ends within its header")
        taken = self.file[self.at : self.at + count]
        self.at += count
        return taken

    def u32(self) -> int:
        """The next four bytes as a number."""
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        """The next eight bytes as a number."""
        return int.from_bytes(self.take(8), "little")

    def text(self) -> str:
        """A length and that many bytes of UTF-8."""
        return self.take(self.u64()).decode()

    def skip(self, kind: int) -> None:
        """Passes over one value of this type."""
        if kind == TEXT:
            self.take(self.u64())
        elif kind == LIST:
            item = self.u32()
            for _ in range(self.u64()):
                self.skip(item)
        else:
            self.take(WIDTHS[kind])

    def field(self) -> Field:
        """One key and its value."""
        key, kind, start = self.text(), self.u32(), self.at
        self.skip(kind)
        return Field(key, kind, self.file[start : self.at])

    def tensor(self) -> Tensor:
        """One line of the table of tensors."""
        name, start = self.text(), self.at
        self.take(8 * self.u32() + 4)  # the dimensions and the type
        return Tensor(name, self.file[start : self.at], self.u64())


def cut(file: bytes, blocks: int = BLOCKS, context: int = CONTEXT) -> bytes:
    """The model with its first `blocks` layers and a window of `context` tokens; ValueError for no such file."""
    reader = Reader(file)
    if reader.take(4) != MAGIC or (version := reader.u32()) != VERSION:
        raise ValueError(f"no GGUF of version {VERSION}" + (f" but {version}" if file.startswith(MAGIC) else ""))
    tensor_count, field_count = reader.u64(), reader.u64()
    fields = [reader.field() for _ in range(field_count)]
    tensors = sorted((reader.tensor() for _ in range(tensor_count)), key=lambda tensor: tensor.offset)
    told = {field.key: int.from_bytes(field.value, "little") for field in fields if field.kind == U32}
    alignment = told.get("general.alignment", 32)
    if told.get("llama.block_count", 0) < blocks:
        raise ValueError(f"a model of the Llama family with at least {blocks} layers is needed")
    begin = reader.at + -reader.at % alignment
    ends = [tensor.offset for tensor in tensors[1:]] + [len(file) - begin]
    kept = [
        (tensor, file[begin + tensor.offset : begin + end])
        for tensor, end in zip(tensors, ends, strict=True)
        if tensor.block is None or tensor.block < blocks
    ]
    changed = {"llama.block_count": blocks, "llama.context_length": context}
    head = MAGIC + struct.pack("<IQQ", VERSION, len(kept), len(fields))
    for field in fields:
        value = struct.pack("<I", changed[field.key]) if field.key in changed else field.value
        head += packed(field.key) + struct.pack("<I", field.kind) + value
    offset = 0
    for tensor, content in kept:
        head += packed(tensor.name) + tensor.shape + struct.pack("<Q", offset)
        offset += len(content) + -len(content) % alignment
    return b"".join(padded((head, *(content for _, content in kept)), alignment))


def packed(text: str) -> bytes:
    """A text as GGUF writes it."""
    return struct.pack("<Q", len(text.encode())) + text.encode()


def padded(parts: tuple[bytes, ...], alignment: int) -> Iterator[bytes]:
    """Each part, followed by the zeros that bring the next one to a multiple of the alignment."""
    for part in parts:
        yield part + bytes(-len(part) % alignment)


def main(whole: str, sha256: str, small: str) -> str | None:
    """Writes `small` from the file `whole`, which must have this sum; gives the reason why it could not."""
    file = Path(whole).read_bytes()
    found = hashlib.sha256(file).hexdigest()
    if found != sha256:
        return f"{whole}: its SHA-256 is {found}, not {sha256}"
    Path(small).write_bytes(cut(file))
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
