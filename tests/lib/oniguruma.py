# SPDX-License-Identifier: Apache-2.0
# Copyright The Holdfast Authors
"""Regular expressions as Ruby, and so Fluent Bit and Fluentd, understand them: by libonig."""

import ctypes
import ctypes.util

from harness import Skip

NAME = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_int),
    ctypes.c_void_p, ctypes.c_void_p,
)  # fmt: skip


class Region(ctypes.Structure):
    _fields_ = [
        ("allocated", ctypes.c_int),
        ("count", ctypes.c_int),
        ("starts", ctypes.POINTER(ctypes.c_int)),
        ("ends", ctypes.POINTER(ctypes.c_int)),
        ("tree", ctypes.c_void_p),
    ]


class Expression:
    """Of ASCII text, for bytes of any kind."""

    def __init__(self, text):
        path = ctypes.util.find_library("onig") or "libonig.so.5"
        try:
            self.onig = ctypes.CDLL(path)
        except OSError:
            raise Skip("libonig is not installed") from None
        self.onig.onig_search.argtypes = [ctypes.c_void_p] * 5 + [ctypes.c_void_p, ctypes.c_uint]
        self.onig.onig_region_new.restype = ctypes.POINTER(Region)
        pattern = ctypes.create_string_buffer(text)
        start = ctypes.addressof(pattern)
        self.regex = ctypes.c_void_p()
        # The syntax's tables; Fluent Bit takes the text for UTF-8, which ASCII is as well.
        encoding = ctypes.addressof(ctypes.c_char.in_dll(self.onig, "OnigEncodingASCII"))
        syntax = ctypes.addressof(ctypes.c_char.in_dll(self.onig, "OnigSyntaxRuby"))
        result = self.onig.onig_new(
            ctypes.byref(self.regex), ctypes.c_void_p(start), ctypes.c_void_p(start + len(text)),
            0, ctypes.c_void_p(encoding), ctypes.c_void_p(syntax), None,
        )  # fmt: skip
        assert result == 0, f"no regular expression: {text}"

    def match(self, text):
        """The named groups, or None."""
        buffer = ctypes.create_string_buffer(text, len(text) + 1)
        start = ctypes.addressof(buffer)
        end = start + len(text)
        region = self.onig.onig_region_new()
        found = self.onig.onig_search(self.regex, start, end, start, end,
                                      ctypes.cast(region, ctypes.c_void_p), 0)
        groups = self.groups(text, region) if found == 0 else None
        self.onig.onig_region_free(region, 1)
        return groups

    def groups(self, text, region):
        found = {}

        def note(name, name_end, count, numbers, regex, argument):
            number = numbers[count - 1]
            key = ctypes.string_at(name, name_end - name).decode()
            start, end = region.contents.starts[number], region.contents.ends[number]
            found[key] = text[start:end] if start >= 0 else None
            return 0

        self.onig.onig_foreach_name(self.regex, NAME(note), None)
        return found
