"""Names of Werkzeug's development server, reloader and debugger."""

from __future__ import annotations

from dovetail.compat.interface import NameTable

__all__ = ["MODULES"]

MODULES = {
    "werkzeug.serving": NameTable(
        "The development server.",
        {
            "dovetail.dev.certificates": """
                generate_adhoc_ssl_context generate_adhoc_ssl_pair is_ssl_error load_ssl_context
                make_ssl_devcert
            """,
            "dovetail.dev.chunked_input": "DechunkedInput",
            "dovetail.dev.handler": "WSGIRequestHandler connection_dropped_errors",
            "dovetail.dev.hosts": """
                af_unix get_interface_ip get_sockaddr select_address_family
            """,
            "dovetail.dev.server": """
                BaseWSGIServer ForkingWSGIServer LISTEN_QUEUE ThreadedWSGIServer can_fork
                make_server
            """,
            "dovetail.dev.serving": "is_running_from_reloader run_simple",
            "socketserver": "ForkingMixIn",
        },
        {
            "dovetail.data.exceptions": "InternalServerError",
            "dovetail.data.header_set": "parse_set_header",
            "dovetail.data.urls": "uri_to_iri",
        },
    ),
    "werkzeug.debug": NameTable(
        "The debugger.",
        {
            "dovetail.dev.debugger.application": "DebuggedApplication",
            "dovetail.dev.debugger.pins": """
                PIN_TIME get_machine_id get_pin_and_cookie_name hash_pin
            """,
        },
        {
            "dovetail.data.cookies": "parse_cookie=parse_cookie_header",
            "dovetail.data.exceptions": "NotFound SecurityError",
            "dovetail.data.hosts": "host_is_trusted",
            "dovetail.dev.console": "_log=log",
            "dovetail.dev.debugger.console": "Console",
            "dovetail.dev.debugger.tracebacks": """
                DebugFrameSummary DebugTraceback render_console_html
            """,
            "dovetail.toolkit.files": "send_file",
            "dovetail.toolkit.request": "Request",
            "dovetail.toolkit.response": "Response",
            "dovetail.toolkit.security": "gen_salt",
        },
    ),
    "werkzeug.debug.console": NameTable(
        "Evaluating Python in the namespaces of a frame.",
        {"dovetail.dev.debugger.console": "Console HTMLStringO ThreadedStream", "": "sys"},
        {"dovetail.dev.debugger.representation": "debug_repr dump helper"},
    ),
    "werkzeug.debug.repr": NameTable(
        "Python values as HTML.",
        {
            "dovetail.dev.debugger.representation": """
                DebugReprGenerator HELP_HTML OBJECT_DUMP_HTML RegexType debug_repr dump helper
                missing
            """
        },
    ),
    "werkzeug.debug.tbtools": NameTable(
        "Tracebacks with their variables and consoles.",
        {
            "dovetail.dev.debugger.tracebacks": """
                CONSOLE_HTML DebugFrameSummary DebugTraceback FOOTER FRAME_HTML HEADER PAGE_HTML
                SUMMARY_HTML render_console_html
            """
        },
        {
            "dovetail.dev.debugger.console": "Console",
            "dovetail.toolkit.descriptors": "cached_property",
        },
    ),
    # Not documented, but packages in use import them.
    "werkzeug._internal": NameTable(
        "The log, and the texts of an environ.",
        also={
            "dovetail.dev.console": "_log=log",
            "dovetail.toolkit.wsgi": "_wsgi_decoding_dance=decode_octets",
        },
    ),
    "werkzeug._reloader": NameTable(
        "Starting anew when files change.",
        also={"dovetail.dev.reloader": "ReloaderLoop reloader_loops run_with_reloader"},
    ),
}
