"""Names of Werkzeug for requests and responses, with I/O and without, and for tests."""

from __future__ import annotations

from dovetail.compat.interface import NameTable

__all__ = ["MODULES"]

MODULES = {
    "werkzeug.formparser": NameTable(
        "Reading the content of forms.",
        {
            "dovetail.toolkit.forms": """
                FormDataParser MultiPartParser default_stream_factory parse_form_data
            """
        },
        {
            "dovetail.data.exceptions": "RequestEntityTooLarge",
            "dovetail.data.file_storage": "FileStorage",
            "dovetail.data.header_values": "parse_options_header",
            "dovetail.data.headers": "Headers",
            "dovetail.data.multidict": "MultiDict",
            "dovetail.toolkit.multipart": "Data Epilogue Field File MultipartDecoder NeedData",
            "dovetail.toolkit.streams": "get_input_stream",
            "dovetail.toolkit.wsgi": "get_content_length",
        },
    ),
    "werkzeug.sansio": NameTable("Requests and responses without I/O."),
    "werkzeug.sansio.http": NameTable(
        "Header fields, from texts and not from an environ.",
        {
            "dovetail.data.conditional": "is_resource_modified=is_modified",
            "dovetail.data.cookies": "parse_cookie=parse_cookie_header",
        },
        {
            "dovetail.data.dates": "parse_date",
            "dovetail.data.etags": "generate_etag parse_etags unquote_etag",
            "dovetail.data.ranges": "parse_if_range_header",
        },
    ),
    "werkzeug.sansio.multipart": NameTable(
        "Octets of multipart/form-data to events, and back.",
        {
            "dovetail.toolkit.multipart": """
                BLANK_LINE_RE Data Epilogue Event Field File HEADER_CONTINUATION_RE LINE_BREAK
                LINE_BREAK_RE MultipartDecoder MultipartEncoder NEED_DATA NeedData Preamble
                SEARCH_EXTRA_LENGTH State
            """
        },
        {
            "dovetail.data.exceptions": "RequestEntityTooLarge",
            "dovetail.data.header_values": "parse_options_header",
            "dovetail.data.headers": "Headers",
        },
    ),
    "werkzeug.sansio.request": NameTable(
        "The head of a request.",
        {"dovetail.toolkit.sansio.request": "Request"},
        {
            "dovetail.data.accept": """
                Accept CharsetAccept LanguageAccept MIMEAccept parse_accept_header
            """,
            "dovetail.data.auth": "Authorization",
            "dovetail.data.cache_control": "RequestCacheControl parse_cache_control_header",
            "dovetail.data.cookies": "parse_cookie=parse_cookie_header",
            "dovetail.data.dates": "parse_date",
            "dovetail.data.etags": "ETags parse_etags",
            "dovetail.data.fields": "get_content_length",
            "dovetail.data.header_set": "HeaderSet parse_set_header",
            "dovetail.data.header_values": "parse_list_header parse_options_header",
            "dovetail.data.headers": "Headers",
            "dovetail.data.hosts": "get_current_url get_host",
            "dovetail.data.immutable": "ImmutableList",
            "dovetail.data.multidict": "ImmutableMultiDict MultiDict",
            "dovetail.data.ranges": "IfRange Range parse_if_range_header parse_range_header",
            "dovetail.data.user_agent": "UserAgent",
            "dovetail.toolkit.descriptors": "cached_property header_property",
        },
    ),
    "werkzeug.sansio.response": NameTable(
        "The head of a response.",
        {"dovetail.toolkit.sansio.response": "Response"},
        {
            "dovetail.data.auth": "WWWAuthenticate",
            "dovetail.data.cache_control": "ResponseCacheControl parse_cache_control_header",
            "dovetail.data.callbacks": "CallbackDict",
            "dovetail.data.cookies": "dump_cookie",
            "dovetail.data.cross_origin": "COEP COOP",
            "dovetail.data.csp": "ContentSecurityPolicy parse_csp_header",
            "dovetail.data.dates": "dump_age http_date parse_age parse_date",
            "dovetail.data.etags": "quote_etag unquote_etag",
            "dovetail.data.header_set": "HeaderSet parse_set_header",
            "dovetail.data.header_values": "dump_header dump_options_header parse_options_header",
            "dovetail.data.headers": "Headers",
            "dovetail.data.ranges": "ContentRange parse_content_range_header",
            "dovetail.data.statuses": "HTTP_STATUS_CODES",
            "dovetail.toolkit.content_types": "get_content_type",
            "dovetail.toolkit.descriptors": "header_property",
        },
    ),
    "werkzeug.sansio.utils": NameTable(
        "Hosts and URLs of a request, from texts.",
        {
            "dovetail.data.fields": "get_content_length",
            "dovetail.data.hosts": "get_current_url get_host host_is_trusted",
        },
        {
            "dovetail.data.exceptions": "SecurityError",
            "dovetail.data.header_set": "parse_set_header",
            "dovetail.data.urls": "uri_to_iri",
        },
    ),
    "werkzeug.test": NameTable(
        "Calling an application without a server.",
        {
            "dovetail.toolkit.testing.client": "Client ClientRedirectError TestResponse",
            "dovetail.toolkit.testing.cookies": "Cookie",
            "dovetail.toolkit.testing.environ_builder": "EnvironBuilder create_environ",
            "dovetail.toolkit.testing.multipart_body": "encode_multipart stream_encode_multipart",
            "dovetail.toolkit.runner": "run_wsgi_app",
        },
        {
            "dovetail.data.auth": "Authorization",
            "dovetail.data.callbacks": "CallbackDict",
            "dovetail.data.cookies": "dump_cookie parse_cookie",
            "dovetail.data.dates": "parse_date",
            "dovetail.data.file_storage": "FileMultiDict",
            "dovetail.data.header_values": "dump_options_header parse_options_header",
            "dovetail.data.headers": "EnvironHeaders Headers",
            "dovetail.data.multidict": "CombinedMultiDict MultiDict",
            "dovetail.data.urls": "iri_to_uri",
            "dovetail.toolkit.content_types": "get_content_type",
            "dovetail.toolkit.descriptors": "cached_property",
            "dovetail.toolkit.multipart": "Data Epilogue Field File MultipartEncoder Preamble",
            "dovetail.toolkit.request": "Request",
            "dovetail.toolkit.response": "Response",
            "dovetail.toolkit.wsgi": "ClosingIterator get_current_url",
        },
    ),
    "werkzeug.wrappers": NameTable(
        "Requests and responses of WSGI.",
        {
            "dovetail.toolkit.request": "Request",
            "dovetail.toolkit.response": "Response ResponseStream",
        },
        only_reexports=True,
    ),
    "werkzeug.wrappers.request": NameTable(
        "A request of WSGI.",
        {"dovetail.toolkit.request": "Request"},
        {
            "dovetail.data.exceptions": "BadRequest UnsupportedMediaType",
            "dovetail.data.file_storage": "FileStorage",
            "dovetail.data.headers": "EnvironHeaders",
            "dovetail.data.multidict": """
                CombinedMultiDict ImmutableMultiDict MultiDict iter_multi_items
            """,
            "dovetail.toolkit.descriptors": "cached_property environ_property",
            "dovetail.toolkit.forms": "FormDataParser default_stream_factory",
            "dovetail.toolkit.streams": "get_input_stream",
        },
    ),
    "werkzeug.wrappers.response": NameTable(
        "A response of WSGI.",
        {"dovetail.toolkit.response": "Response ResponseStream"},
        {
            "dovetail.data.conditional": "is_resource_modified",
            "dovetail.data.dates": "http_date",
            "dovetail.data.etags": "generate_etag parse_etags",
            "dovetail.data.fields": "remove_entity_headers",
            "dovetail.data.headers": "Headers",
            "dovetail.data.ranges": "parse_range_header",
            "dovetail.data.urls": "iri_to_uri",
            "dovetail.toolkit.descriptors": "cached_property",
            "dovetail.toolkit.wsgi": "ClosingIterator get_current_url",
        },
    ),
}
