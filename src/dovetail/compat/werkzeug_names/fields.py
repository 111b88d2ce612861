"""Names of Werkzeug around header fields, URLs, exceptions and passwords."""

from __future__ import annotations

from dovetail.compat.interface import NameTable

__all__ = ["MODULES"]

_HTTP_NAMES = {
    "dovetail.data.cache_control": "parse_cache_control_header",
    "dovetail.data.dates": "dump_age http_date parse_age parse_date",
    "dovetail.data.etags": "generate_etag parse_etags quote_etag unquote_etag",
    "dovetail.data.header_set": "parse_set_header",
    "dovetail.data.header_values": """
        dump_header dump_options_header parse_dict_header parse_list_header parse_options_header
        quote_header_value unquote_header_value
    """,
    "dovetail.data.csp": "dump_csp_header parse_csp_header",
    "dovetail.data.ranges": """
        is_byte_range_valid parse_content_range_header parse_if_range_header parse_range_header
    """,
}

MODULES = {
    "werkzeug.exceptions": NameTable(
        "Exceptions that are responses, one for each error status of HTTP.",
        {
            "dovetail.data.exceptions": """
                Aborter BadGateway BadHost BadRequest BadRequestKeyError ClientDisconnected Conflict
                ExpectationFailed FailedDependency Forbidden GatewayTimeout Gone HTTPException
                HTTPVersionNotSupported ImATeapot InternalServerError LengthRequired Locked
                MethodNotAllowed MisdirectedRequest NotAcceptable NotFound NotImplemented
                PreconditionFailed PreconditionRequired RequestEntityTooLarge
                RequestHeaderFieldsTooLarge RequestTimeout RequestURITooLarge
                RequestedRangeNotSatisfiable SecurityError ServiceUnavailable TooManyRequests
                Unauthorized UnavailableForLegalReasons UnprocessableEntity UnsupportedMediaType
                abort default_exceptions
            """
        },
    ),
    "werkzeug.http": NameTable(
        "Parsing and writing header fields.",
        {
            **_HTTP_NAMES,
            "dovetail.data.accept": "parse_accept_header",
            "dovetail.data.conditional": "is_resource_modified",
            "dovetail.data.cookies": "dump_cookie parse_cookie",
            "dovetail.data.cross_origin": "COEP COOP",
            "dovetail.data.fields": """
                is_entity_header is_hop_by_hop_header remove_entity_headers
                remove_hop_by_hop_headers
            """,
            "dovetail.data.statuses": "HTTP_STATUS_CODES",
        },
    ),
    "werkzeug.local": NameTable(
        "Values of their own for each thread, greenlet and task.",
        {"dovetail.toolkit.local": "Local LocalManager LocalProxy LocalStack release_local"},
        {"dovetail.toolkit.wsgi": "ClosingIterator"},
    ),
    "werkzeug.security": NameTable(
        "Hashes of passwords, and paths below a directory.",
        {
            "dovetail.data.paths": "safe_join",
            "dovetail.toolkit.security": """
                DEFAULT_PBKDF2_ITERATIONS SALT_CHARS check_password_hash gen_salt
                generate_password_hash
            """,
        },
    ),
    "werkzeug.urls": NameTable(
        "URLs with other letters than those of ASCII.",
        {"dovetail.data.urls": "iri_to_uri uri_to_iri"},
        {"dovetail.data.multidict": "iter_multi_items"},
    ),
    "werkzeug.user_agent": NameTable("User-Agent.", {"dovetail.data.user_agent": "UserAgent"}),
    "werkzeug.utils": NameTable(
        "Redirects, files, imports, and descriptors.",
        {
            "dovetail.data.paths": "secure_filename",
            "dovetail.toolkit.content_types": "get_content_type",
            "dovetail.toolkit.descriptors": "cached_property environ_property header_property",
            "dovetail.toolkit.files": "send_file send_from_directory",
            "dovetail.toolkit.imports": "ImportStringError find_modules import_string",
            "dovetail.toolkit.redirects": "append_slash_redirect redirect",
        },
        {
            "dovetail.data.exceptions": "NotFound RequestedRangeNotSatisfiable",
            "dovetail.data.headers": "Headers",
            "dovetail.data.paths": "safe_join",
            "dovetail.toolkit.wsgi": "wrap_file",
        },
    ),
}
