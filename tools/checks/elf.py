"""Reads the dynamic section of a 64-bit little-endian ELF file: what it needs, what it exports."""

import struct
from typing import Dict, Iterator, List, Set, Tuple

_DYNSYM, _VERNEED, _DYNAMIC = 11, 0x6FFFFFFE, 6
_NEEDED = 1


class Elf:
    """The sections of a file that the dynamic loader reads."""

    def __init__(self, data: bytes) -> None:
        assert data[:6] == b"\x7fELF\x02\x01", "not a 64-bit little-endian ELF file"
        self.data = data
        offset = struct.unpack_from("<Q", data, 0x28)[0]
        size, count = struct.unpack_from("<HH", data, 0x3A)
        # Each: name, type, flags, address, offset, size, link, info, alignment, entry size.
        self.sections: List[Tuple[int, ...]] = [
            struct.unpack_from("<IIQQQQIIQQ", data, offset + index * size) for index in range(count)
        ]

    def _of_type(self, kind: int) -> Iterator[Tuple[int, ...]]:
        return (section for section in self.sections if section[1] == kind)

    def _string(self, section: Tuple[int, ...], offset: int) -> str:
        start = self.sections[section[6]][4] + offset
        return self.data[start : self.data.index(b"\0", start)].decode()

    def needed_libraries(self) -> Set[str]:
        found = set()
        for section in self._of_type(_DYNAMIC):
            for place in range(section[4], section[4] + section[5], 16):
                tag, value = struct.unpack_from("<QQ", self.data, place)
                if tag == _NEEDED:
                    found.add(self._string(section, value))
        return found

    def needed_versions(self) -> Dict[str, Set[str]]:
        """The symbol versions that the file needs, by library."""
        found: Dict[str, Set[str]] = {}
        for section in self._of_type(_VERNEED):
            place = section[4]
            for _ in range(section[7]):
                _, count, name, first, following = struct.unpack_from("<HHIII", self.data, place)
                versions = found.setdefault(self._string(section, name), set())
                entry = place + first
                for _ in range(count):
                    _, _, _, version, after = struct.unpack_from("<IHHII", self.data, entry)
                    versions.add(self._string(section, version))
                    entry += after
                place += following
        return found

    def exported_symbols(self) -> Set[str]:
        found = set()
        for section in self._of_type(_DYNSYM):
            for place in range(section[4], section[4] + section[5], 24):
                name, _, _, index, _, _ = struct.unpack_from("<IBBHQQ", self.data, place)
                if index != 0 and name != 0:
                    found.add(self._string(section, name))
        return found
