"""Names of ``werkzeug.datastructures``: header fields and form values as types."""

from __future__ import annotations

from dovetail.compat.interface import Deprecated, NameTable

__all__ = ["MODULES"]

_ORDERED = "dovetail.data.ordered_multidict"

_ORDERED_NAMES = {
    "OrderedMultiDict": Deprecated(
        f"{_ORDERED}:OrderedMultiDict",
        "OrderedMultiDict is deprecated, Werkzeug 3.2 does not have it; use MultiDict",
    ),
    "ImmutableOrderedMultiDict": Deprecated(
        f"{_ORDERED}:ImmutableOrderedMultiDict",
        "ImmutableOrderedMultiDict is deprecated, Werkzeug 3.2 does not have it; use "
        "ImmutableMultiDict",
    ),
}

MODULES = {
    "werkzeug.datastructures": NameTable(
        "Dictionaries with several values, and types for the values of header fields.",
        {
            "dovetail.data.accept": "Accept CharsetAccept LanguageAccept MIMEAccept",
            "dovetail.data.auth": "Authorization WWWAuthenticate",
            "dovetail.data.cache_control": "RequestCacheControl ResponseCacheControl",
            "dovetail.data.callbacks": "CallbackDict UpdateDictMixin",
            "dovetail.data.csp": "ContentSecurityPolicy",
            "dovetail.data.etags": "ETags",
            "dovetail.data.file_storage": "FileMultiDict FileStorage",
            "dovetail.data.header_set": "HeaderSet",
            "dovetail.data.headers": "EnvironHeaders Headers ImmutableHeadersMixin",
            "dovetail.data.immutable": """
                ImmutableDict ImmutableDictMixin ImmutableList ImmutableListMixin
            """,
            "dovetail.data.multidict": """
                CombinedMultiDict ImmutableMultiDict ImmutableMultiDictMixin
                ImmutableTypeConversionDict MultiDict TypeConversionDict iter_multi_items
            """,
            "dovetail.data.ranges": "ContentRange IfRange Range",
        },
        deprecated=_ORDERED_NAMES,
        only_reexports=True,
    ),
    "werkzeug.datastructures.accept": NameTable(
        "The Accept fields.",
        {"dovetail.data.accept": "Accept CharsetAccept LanguageAccept MIMEAccept"},
        {"dovetail.data.immutable": "ImmutableList"},
    ),
    "werkzeug.datastructures.auth": NameTable(
        "Authorization and WWW-Authenticate.",
        {"dovetail.data.auth": "Authorization WWWAuthenticate"},
        {
            "dovetail.data.callbacks": "CallbackDict",
            "dovetail.data.header_values": "dump_header parse_dict_header quote_header_value",
        },
    ),
    "werkzeug.datastructures.cache_control": NameTable(
        "Cache-Control of requests and responses.",
        {
            "dovetail.data.cache_control": """
                RequestCacheControl ResponseCacheControl cache_control_property
            """
        },
        {
            "dovetail.data.cache_control": "_CacheControl",
            "dovetail.data.callbacks": "CallbackDict",
            "dovetail.data.immutable": "ImmutableDictMixin",
        },
    ),
    "werkzeug.datastructures.csp": NameTable(
        "Content-Security-Policy.",
        {"dovetail.data.csp": "ContentSecurityPolicy csp_property"},
        {"dovetail.data.callbacks": "CallbackDict"},
    ),
    "werkzeug.datastructures.etag": NameTable(
        "Sets of entity tags.", {"dovetail.data.etags": "ETags"}
    ),
    "werkzeug.datastructures.file_storage": NameTable(
        "Uploaded files.",
        {"dovetail.data.file_storage": "FileMultiDict FileStorage"},
        {"dovetail.data.headers": "Headers", "dovetail.data.multidict": "MultiDict"},
    ),
    "werkzeug.datastructures.headers": NameTable(
        "The fields of a head.",
        {"dovetail.data.headers": "EnvironHeaders Headers"},
        {
            "dovetail.data.exceptions": "BadRequestKeyError",
            "dovetail.data.headers": "ImmutableHeadersMixin",
            "dovetail.data.multidict": "MultiDict iter_multi_items",
        },
    ),
    "werkzeug.datastructures.mixins": NameTable(
        "What makes a type immutable, or has it report its changes.",
        {
            "dovetail.data.callbacks": "UpdateDictMixin",
            "dovetail.data.headers": "ImmutableHeadersMixin",
            "dovetail.data.immutable": "ImmutableDictMixin ImmutableListMixin",
            "dovetail.data.multidict": "ImmutableMultiDictMixin",
        },
    ),
    "werkzeug.datastructures.range": NameTable(
        "Range, Content-Range and If-Range.",
        {"dovetail.data.ranges": "ContentRange IfRange Range"},
    ),
    "werkzeug.datastructures.structures": NameTable(
        "Lists and dictionaries.",
        {
            "dovetail.data.callbacks": "CallbackDict",
            "dovetail.data.header_set": "HeaderSet",
            "dovetail.data.immutable": "ImmutableDict ImmutableList",
            "dovetail.data.multidict": """
                CombinedMultiDict ImmutableMultiDict ImmutableTypeConversionDict MultiDict
                TypeConversionDict iter_multi_items
            """,
        },
        {
            "dovetail.data.callbacks": "UpdateDictMixin",
            "dovetail.data.immutable": "ImmutableDictMixin ImmutableListMixin",
            "dovetail.data.multidict": "ImmutableMultiDictMixin",
            _ORDERED: """
                _ImmutableOrderedMultiDict=ImmutableOrderedMultiDict
                _OrderedMultiDict=OrderedMultiDict
            """,
        },
        _ORDERED_NAMES,
    ),
}
