"""Names of Werkzeug for WSGI itself and for applications around applications."""

from __future__ import annotations

from dovetail.compat.interface import NameTable

__all__ = ["MODULES"]

MODULES = {
    "werkzeug.middleware": NameTable("WSGI applications around WSGI applications."),
    "werkzeug.middleware.dispatcher": NameTable(
        "Several applications under one root.",
        {"dovetail.toolkit.middleware.dispatcher": "DispatcherMiddleware"},
    ),
    "werkzeug.middleware.http_proxy": NameTable(
        "Passing requests on to other servers.",
        {"dovetail.toolkit.middleware.http_proxy": "ProxyMiddleware"},
        {
            "dovetail.data.fields": "is_hop_by_hop_header",
            "dovetail.data.headers": "EnvironHeaders",
            "dovetail.toolkit.streams": "get_input_stream",
        },
    ),
    "werkzeug.middleware.lint": NameTable(
        "Checking that server and application keep to PEP 3333 and HTTP.",
        {
            "dovetail.toolkit.middleware.lint": """
                ErrorStream GuardedIterator GuardedWrite HTTPWarning InputStream LintMiddleware
                WSGIWarning check_type
            """
        },
        {
            "dovetail.data.fields": "is_entity_header",
            "dovetail.data.headers": "Headers",
            "dovetail.toolkit.wsgi": "FileWrapper",
        },
    ),
    "werkzeug.middleware.profiler": NameTable(
        "Profiling each request.",
        {"dovetail.toolkit.middleware.profiler": "ProfilerMiddleware"},
    ),
    "werkzeug.middleware.proxy_fix": NameTable(
        "Believing what proxies in front say of a client.",
        {"dovetail.toolkit.middleware.proxy_fix": "ProxyFix"},
        {"dovetail.data.header_values": "parse_list_header"},
    ),
    "werkzeug.middleware.shared_data": NameTable(
        "Serving files of directories and packages.",
        {"dovetail.toolkit.middleware.shared_data": "SharedDataMiddleware"},
        {
            "dovetail.data.conditional": "is_resource_modified",
            "dovetail.data.dates": "http_date",
            "dovetail.data.etags": "quote_etag",
            "dovetail.data.paths": "safe_join",
            "dovetail.toolkit.content_types": "get_content_type",
            "dovetail.toolkit.wsgi": "get_path_info wrap_file",
        },
    ),
    "werkzeug.testapp": NameTable(
        "An application that shows its environ.",
        {"dovetail.toolkit.testapp": "TEMPLATE iter_sys_path test_app"},
        {"dovetail.toolkit.request": "Request", "dovetail.toolkit.response": "Response"},
    ),
    "werkzeug.wsgi": NameTable(
        "Around an environ.",
        {
            "dovetail.toolkit.streams": "LimitedStream get_input_stream",
            "dovetail.toolkit.wsgi": """
                ClosingIterator FileWrapper get_content_length get_current_url get_host
                get_path_info responder wrap_file
            """,
        },
        {
            "dovetail.data.exceptions": "ClientDisconnected RequestEntityTooLarge",
            "dovetail.data.hosts": "host_is_trusted",
            "dovetail.toolkit.wsgi": "_get_server=server_of",
        },
    ),
}
