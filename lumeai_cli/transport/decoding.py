"""Undoes a body's content encoding as it comes, within a bound: a server may compress without being asked, or bomb."""

import zlib


class Decoder:
    """Encoded bytes in, decoded bytes out. `broken` says that the data is not what its label claims.

    Encodings other than gzip and deflate pass unchanged: nobody asked for them, and their name is kept beside.
    """

    __slots__ = ("_inflate", "_left", "broken", "overflow")

    def __init__(self, encoding: str, limit: int) -> None:
        name = encoding.strip().lower()
        gzipped, deflated = name in ("gzip", "x-gzip"), name == "deflate"
        self._inflate = zlib.decompressobj(wbits=31 if gzipped else 15) if gzipped or deflated else None
        self._left = limit
        self.overflow = False
        self.broken = ""

    @property
    def unfinished(self) -> bool:
        """Whether a compressed body ended before its own end."""
        return self._inflate is not None and not self._inflate.eof

    def feed(self, data: bytes) -> bytes:
        """The decoded bytes, no more than the limit allows in all; `overflow` is set when there would be more."""
        if self._inflate is not None:
            try:
                data = self._inflate.decompress(data, self._left + 1)
            except zlib.error as error:
                self.broken = str(error)
                return b""
        if len(data) > self._left:
            self.overflow = True
            data = data[: self._left]
        self._left -= len(data)
        return data
