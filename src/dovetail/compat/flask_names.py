"""Flask's public names and where they are in Dovetail: a table, and nothing else."""

from __future__ import annotations

from dovetail.compat.interface import Deprecated, Interface, NameTable

__all__ = ["FLASK", "VERSION"]

#: The version whose interface this is.
VERSION = "3.1.3"

_CONTEXT_VARIABLES = "_cv_app _cv_request"

_SIGNALS = """
    appcontext_popped appcontext_pushed appcontext_tearing_down before_render_template
    got_request_exception message_flashed request_finished request_started
    request_tearing_down template_rendered
"""

_MODULES = {
    "flask": NameTable(
        "A framework for web applications.",
        {
            "": "json=dovetail.app.json",
            "dovetail.app.application": "Flask=App",
            "dovetail.app.blueprints": "Blueprint",
            "dovetail.app.config": "Config",
            "dovetail.app.contexts": """
                after_this_request copy_current_request_context has_app_context
                has_request_context stream_with_context
            """,
            "dovetail.app.json": "jsonify",
            "dovetail.app.messages": "flash get_flashed_messages",
            "dovetail.app.proxies": "current_app g request session",
            "dovetail.app.responses": """
                abort make_response redirect send_file send_from_directory url_for
            """,
            "dovetail.app.signals": _SIGNALS,
            "dovetail.app.templating": """
                get_template_attribute render_template render_template_string stream_template
                stream_template_string
            """,
            "dovetail.app.wrappers": "Request Response",
        },
        deprecated={
            "__version__": Deprecated(
                "dovetail.compat.flask_names:VERSION",
                "__version__ is deprecated, Flask 3.2 does not have it; use "
                "importlib.metadata.version('flask')",
            )
        },
        only_reexports=True,
    ),
    "flask.app": NameTable(
        "The application.",
        {"dovetail.app.application": "Flask=App"},
        {
            "": "cli=dovetail.app.cli click ft=dovetail.app.types os sys weakref",
            "dovetail.app.contexts": "AppContext RequestContext",
            "dovetail.app.messages": "get_flashed_messages",
            "dovetail.app.proxies": f"""
                {_CONTEXT_VARIABLES} current_app g request request_ctx session
            """,
            "dovetail.app.responses": "send_from_directory",
            "dovetail.app.sessions": "SecureCookieSessionInterface SessionInterface",
            "dovetail.app.setup": "App=AppSetup",
            "dovetail.app.signals": """
                appcontext_tearing_down got_request_exception request_finished request_started
                request_tearing_down
            """,
            "dovetail.app.switches": "get_debug_flag get_load_dotenv",
            "dovetail.app.templating": "Environment",
            "dovetail.app.wrappers": "Request Response",
            "dovetail.data.exceptions": "BadRequestKeyError HTTPException InternalServerError",
            "dovetail.data.headers": "Headers",
            "dovetail.data.immutable": "ImmutableDict",
            "dovetail.dev.serving": "is_running_from_reloader",
            "dovetail.routing.adapter": "MapAdapter",
            "dovetail.routing.exceptions": "BuildError RequestRedirect RoutingException",
            "dovetail.routing.rules": "Rule",
            "dovetail.toolkit.response": "BaseResponse=Response",
            "dovetail.toolkit.wsgi": "get_host",
        },
    ),
    "flask.blueprints": NameTable(
        "Parts of an application.",
        {"dovetail.app.blueprints": "Blueprint BlueprintSetupState"},
        {
            "": "os",
            "dovetail.app.blueprints": "SansioBlueprint=Blueprint",
            "dovetail.app.groups": "AppGroup",
            "dovetail.app.proxies": "current_app",
            "dovetail.app.responses": "send_from_directory",
        },
    ),
    "flask.cli": NameTable(
        "The command line.",
        {
            "dovetail.app.cli": "FlaskGroup=DovetailGroup cli main",
            "dovetail.app.commands": """
                routes_command run_command shell_command show_server_banner
            """,
            "dovetail.app.discovery": """
                NoAppException find_app_by_string find_best_app locate_app prepare_import
            """,
            "dovetail.app.dotenv": "load_dotenv",
            "dovetail.app.groups": "AppGroup ScriptInfo pass_script_info with_appcontext",
            "dovetail.app.options": """
                CertParamType SeparatedPathType get_version version_option
            """,
        },
        {
            "": "ast click importlib inspect os platform re sys traceback",
            "click.core": "ParameterSource",
            "dovetail.app.options": """
                _app_option=app_option _debug_option=debug_option
                _env_file_option=env_file_option _validate_key=validate_key
            """,
            "dovetail.app.proxies": "current_app",
            "dovetail.app.switches": "get_debug_flag get_load_dotenv",
            "dovetail.dev.serving": "is_running_from_reloader run_simple",
            "dovetail.toolkit.imports": "import_string",
        },
    ),
    "flask.config": NameTable(
        "Configuration.",
        {"dovetail.app.config": "Config ConfigAttribute"},
        {"": "errno json os types", "dovetail.toolkit.imports": "import_string"},
    ),
    "flask.ctx": NameTable(
        "What is current.",
        {
            "dovetail.app.contexts": """
                AppContext RequestContext after_this_request copy_current_request_context
                has_app_context has_request_context
            """,
        },
        {
            "": "contextvars sys",
            "dovetail.app.contexts": "_AppCtxGlobals=AppGlobals",
            "dovetail.app.proxies": _CONTEXT_VARIABLES,
            "dovetail.app.signals": "appcontext_popped appcontext_pushed",
            "dovetail.data.exceptions": "HTTPException",
        },
    ),
    "flask.debughelpers": NameTable(
        "What is said about common mistakes.",
        {
            "dovetail.app.diagnosis": """
                DebugFilesKeyError FormDataRoutingRedirect UnexpectedUnicodeError
                attach_enctype_error_multidict explain_template_loading_attempts
            """,
        },
        {
            "dovetail.app.blueprints": "Blueprint",
            "dovetail.app.proxies": "request_ctx",
            "dovetail.app.setup": "App=AppSetup",
            "dovetail.routing.exceptions": "RequestRedirect",
        },
    ),
    "flask.globals": NameTable(
        "What is current, by name.",
        {"dovetail.app.proxies": "app_ctx current_app g request request_ctx session"},
        {
            "dovetail.app.proxies": f"""
                {_CONTEXT_VARIABLES} _no_app_msg=_NO_APP _no_req_msg=_NO_REQUEST
            """,
            "dovetail.toolkit.local": "LocalProxy",
        },
    ),
    "flask.helpers": NameTable(
        "Functions for views.",
        {
            "dovetail.app.contexts": "stream_with_context",
            "dovetail.app.messages": "flash get_flashed_messages",
            "dovetail.app.responses": """
                abort make_response redirect send_file send_from_directory url_for
            """,
            "dovetail.app.roots": "get_root_path",
            "dovetail.app.switches": "get_debug_flag get_load_dotenv",
            "dovetail.app.templating": "get_template_attribute",
        },
        {
            "": "importlib os sys",
            "dovetail.app.proxies": f"""
                {_CONTEXT_VARIABLES} current_app request request_ctx session
            """,
            "dovetail.app.signals": "message_flashed",
            "dovetail.app.wrappers": "_split_blueprint_path=blueprint_chain",
            "dovetail.data.exceptions": "_wz_abort=abort",
            "dovetail.toolkit.redirects": "_wz_redirect=redirect",
            "dovetail.toolkit.response": "BaseResponse=Response",
        },
    ),
    "flask.json": NameTable(
        "JSON with the application's provider.",
        {"dovetail.app.json": "dump dumps jsonify load loads"},
        {"": "_json=json", "dovetail.app.proxies": "current_app"},
    ),
    "flask.json.provider": NameTable(
        "How an application reads and writes JSON.",
        {"dovetail.app.json.provider": "DefaultJSONProvider JSONProvider"},
        {
            "": "dataclasses decimal json uuid",
            "dovetail.app.json.provider": "_default",
            "dovetail.data.dates": "http_date",
        },
    ),
    "flask.json.tag": NameTable(
        "JSON that keeps types that JSON does not have.",
        {
            "dovetail.app.json.tag": """
                JSONTag PassDict PassList TagBytes TagDateTime TagDict TagMarkup TagTuple TagUUID
                TaggedJSONSerializer
            """,
        },
        {"dovetail.app.json": "dumps loads", "dovetail.data.dates": "http_date parse_date"},
    ),
    "flask.logging": NameTable(
        "The application's log.",
        {
            "dovetail.app.logs": """
                create_logger default_handler has_level_handler wsgi_errors_stream
            """,
        },
        {
            "": "logging sys",
            "dovetail.app.proxies": "request",
            "dovetail.toolkit.local": "LocalProxy",
        },
    ),
    "flask.sessions": NameTable(
        "Sessions.",
        {
            "dovetail.app.sessions": """
                NullSession SecureCookieSession SecureCookieSessionInterface SessionInterface
                SessionMixin session_json_serializer
            """,
        },
        {
            "": "hashlib",
            "dovetail.app.json.tag": "TaggedJSONSerializer",
            "dovetail.data.callbacks": "CallbackDict",
            "itsdangerous": "BadSignature URLSafeTimedSerializer",
        },
    ),
    "flask.signals": NameTable(
        "Signals.",
        {"dovetail.app.signals": _SIGNALS},
        {"blinker": "Namespace", "dovetail.app.signals": "_signals"},
    ),
    "flask.templating": NameTable(
        "Templates.",
        {
            "dovetail.app.templating": """
                DispatchingJinjaLoader Environment render_template render_template_string
                stream_template stream_template_string
            """,
        },
        {
            "dovetail.app.contexts": "stream_with_context",
            "dovetail.app.proxies": f"{_CONTEXT_VARIABLES} current_app request",
            # Flask-Testing replaces _render().
            "dovetail.app.templating": "_default_template_ctx_processor _render _stream",
            "dovetail.app.signals": "before_render_template template_rendered",
            "jinja2": "BaseEnvironment=Environment BaseLoader Template TemplateNotFound",
        },
    ),
    "flask.testing": NameTable(
        "Calling an application and its commands in tests.",
        {
            "dovetail.app.testing": """
                EnvironBuilder FlaskClient=AppClient FlaskCliRunner=AppCliRunner
            """,
        },
        {
            "click.testing": "CliRunner Result",
            "dovetail.app.groups": "ScriptInfo",
            "dovetail.app.sessions": "SessionMixin",
            "dovetail.toolkit.request": "BaseRequest=Request",
            "dovetail.toolkit.testing.client": "Client",
        },
    ),
    "flask.typing": NameTable(
        "Types for annotations.",
        {
            "dovetail.app.types": """
                AfterRequestCallable AppOrBlueprintKey BeforeFirstRequestCallable
                BeforeRequestCallable ErrorHandlerCallable HeaderValue HeadersValue
                ResponseReturnValue ResponseValue RouteCallable ShellContextProcessorCallable
                TeardownCallable TemplateContextProcessorCallable TemplateFilterCallable
                TemplateGlobalCallable TemplateTestCallable URLDefaultCallable
                URLValuePreprocessorCallable
            """,
        },
        {"dovetail.app.types": "ResponseClass"},
    ),
    "flask.views": NameTable(
        "Views that are classes.",
        {"dovetail.app.views": "MethodView View http_method_funcs"},
        {"": "ft=dovetail.app.types", "dovetail.app.proxies": "current_app request"},
    ),
    "flask.wrappers": NameTable(
        "Requests and responses.",
        {"dovetail.app.wrappers": "Request Response"},
        {
            "": "json=dovetail.app.json",
            "dovetail.app.proxies": "current_app",
            "dovetail.data.exceptions": "BadRequest HTTPException",
            "dovetail.toolkit.request": "RequestBase=Request",
            "dovetail.toolkit.response": "ResponseBase=Response",
        },
    ),
}

# Not among the documented names, but other frameworks and extensions build on them.
_UNDOCUMENTED = {
    "flask.sansio": NameTable("What of an application needs no request."),
    "flask.sansio.app": NameTable(
        "Setting an application up.",
        also={
            "dovetail.app.config": "Config ConfigAttribute",
            "dovetail.app.contexts": "_AppCtxGlobals=AppGlobals",
            "dovetail.app.json.provider": "DefaultJSONProvider JSONProvider",
            "dovetail.app.logs": "create_logger",
            "dovetail.app.roots": "find_package",
            "dovetail.app.scaffold": "Scaffold setupmethod",
            "dovetail.app.setup": "App=AppSetup _make_timedelta",
            "dovetail.app.switches": "get_debug_flag",
            "dovetail.app.templating": "DispatchingJinjaLoader Environment",
            "dovetail.data.exceptions": "Aborter BadRequest BadRequestKeyError",
            "dovetail.routing.exceptions": "BuildError",
            "dovetail.routing.map": "Map",
            "dovetail.routing.rules": "Rule",
            "dovetail.toolkit.descriptors": "cached_property",
        },
    ),
    "flask.sansio.blueprints": NameTable(
        "Parts of an application, and how they are registered.",
        also={
            "dovetail.app.blueprints": "Blueprint BlueprintSetupState",
            "dovetail.app.scaffold": "Scaffold setupmethod",
        },
    ),
    "flask.sansio.scaffold": NameTable(
        "What applications and blueprints share.",
        also={
            "dovetail.app.roots": "find_package get_root_path",
            "dovetail.app.scaffold": """
                Scaffold _endpoint_from_view_func=endpoint_from_view_func setupmethod
            """,
            "dovetail.data.exceptions": "HTTPException default_exceptions",
            "dovetail.toolkit.descriptors": "cached_property",
        },
    ),
}

FLASK = Interface(
    package="flask",
    distribution="Flask",
    version=VERSION,
    summary="Flask's interface, provided by Dovetail.",
    modules=_MODULES | _UNDOCUMENTED,
    # It makes the responses of exceptions.
    requires=("dovetail.toolkit.response",),
    main="dovetail.app.cli:main",
)
