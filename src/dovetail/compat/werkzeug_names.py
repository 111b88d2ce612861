"""Werkzeug's public names and where they are in Dovetail: a table, and nothing else."""

from __future__ import annotations

from dovetail.compat.interface import Deprecated, Interface, NameTable

__all__ = ["WERKZEUG"]

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

_MODULES = {
    "werkzeug": NameTable(
        "A toolkit for WSGI applications.",
        {
            "dovetail.dev.serving": "run_simple",
            "dovetail.toolkit.request": "Request",
            "dovetail.toolkit.response": "Response",
            "dovetail.toolkit.testing.client": "Client",
        },
        only_reexports=True,
    ),
    # Header fields and form values as types.
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
    # Requests and responses.
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
    # Routing.
    "werkzeug.routing": NameTable(
        "From URLs to endpoints and back.",
        {
            "dovetail.routing.adapter": "MapAdapter",
            "dovetail.routing.converters": """
                AnyConverter BaseConverter FloatConverter IntegerConverter PathConverter
                UUIDConverter UnicodeConverter ValidationError
            """,
            "dovetail.routing.exceptions": """
                BuildError NoMatch RequestAliasRedirect RequestPath RequestRedirect
                RoutingException WebsocketMismatch
            """,
            "dovetail.routing.factories": """
                EndpointPrefix RuleTemplate RuleTemplateFactory Subdomain Submount
            """,
            "dovetail.routing.map": "Map",
            "dovetail.routing.matcher": "StateMachineMatcher",
            "dovetail.routing.parts": "parse_converter_args",
            "dovetail.routing.rules": "Rule RuleFactory",
        },
        only_reexports=True,
    ),
    "werkzeug.routing.converters": NameTable(
        "From a part of a URL to a Python value and back.",
        {
            "dovetail.routing.converters": """
                AnyConverter BaseConverter DEFAULT_CONVERTERS FloatConverter IntegerConverter
                NumberConverter PathConverter UUIDConverter UnicodeConverter ValidationError
            """
        },
    ),
    "werkzeug.routing.exceptions": NameTable(
        "What matching and building raise.",
        {
            "dovetail.routing.exceptions": """
                BuildError NoMatch RequestAliasRedirect RequestPath RequestRedirect
                RoutingException WebsocketMismatch
            """
        },
        {
            "dovetail.data.exceptions": "BadRequest HTTPException",
            "dovetail.toolkit.descriptors": "cached_property",
            "dovetail.toolkit.redirects": "redirect",
        },
    ),
    "werkzeug.routing.map": NameTable(
        "Maps of rules, and their adapters to one request.",
        {"dovetail.routing.adapter": "MapAdapter", "dovetail.routing.map": "Map"},
        {
            "dovetail.data.exceptions": "BadHost HTTPException MethodNotAllowed NotFound",
            "dovetail.data.immutable": "ImmutableDict",
            "dovetail.data.multidict": "MultiDict",
            "dovetail.routing.converters": "DEFAULT_CONVERTERS",
            "dovetail.routing.exceptions": """
                BuildError NoMatch RequestAliasRedirect RequestPath RequestRedirect
                WebsocketMismatch
            """,
            "dovetail.routing.matcher": "StateMachineMatcher",
            "dovetail.routing.rules": "Rule",
            "dovetail.toolkit.wsgi": "get_host",
        },
    ),
    "werkzeug.routing.matcher": NameTable(
        "Finding the rule for a path.",
        {"dovetail.routing.matcher": "SlashRequired State StateMachineMatcher"},
        {
            "dovetail.routing.converters": "ValidationError",
            "dovetail.routing.exceptions": "NoMatch RequestAliasRedirect RequestPath",
            "dovetail.routing.parts": "RulePart",
            "dovetail.routing.rules": "Rule",
        },
    ),
    "werkzeug.routing.rules": NameTable(
        "Rules, and factories of rules.",
        {
            "dovetail.routing.factories": """
                EndpointPrefix RuleTemplate RuleTemplateFactory Subdomain Submount
            """,
            "dovetail.routing.parts": "RulePart Weighting parse_converter_args",
            "dovetail.routing.rules": "Rule RuleFactory",
        },
        {
            "dovetail.data.multidict": "iter_multi_items",
            "dovetail.routing.converters": "ValidationError",
        },
    ),
    # Without I/O.
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
    # The rest.
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
    "werkzeug.testapp": NameTable(
        "An application that shows its environ.",
        {"dovetail.toolkit.testapp": "TEMPLATE iter_sys_path test_app"},
        {"dovetail.toolkit.request": "Request", "dovetail.toolkit.response": "Response"},
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

# Not documented, or not to be had yet; but packages in use import them.
_UNDOCUMENTED = {
    "werkzeug._internal": NameTable(
        "The log, and the texts of an environ.",
        also={
            "dovetail.dev.console": "_log=log",
            "dovetail.toolkit.wsgi": "_wsgi_decoding_dance=decode_octets",
        },
    ),
    "werkzeug._reloader": NameTable(
        "Starting anew when files change.", also={"dovetail.dev.refusals": "run_with_reloader"}
    ),
    "werkzeug.debug": NameTable(
        "The debugger.", also={"dovetail.dev.refusals": "DebuggedApplication"}
    ),
    # Dash asks whether it has anything for tracebacks, and writes them itself if not.
    "werkzeug.debug.tbtools": NameTable("Tracebacks of the debugger: nothing yet."),
}

WERKZEUG = Interface(
    package="werkzeug",
    distribution="Werkzeug",
    version="3.1.9",
    summary="Werkzeug's interface, provided by Dovetail.",
    modules=_MODULES | _UNDOCUMENTED,
    # It makes the responses of exceptions.
    requires=("dovetail.toolkit.response",),
)
