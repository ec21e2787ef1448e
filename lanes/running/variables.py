"""Which of a pod's variables its process on this machine gets.

A manifest is a stranger's text. In a container its variables reach that container alone; here some
would make a loader, a shell or an interpreter run what they name, as whoever started the mesh.
"""

import re
from collections.abc import Mapping
from fnmatch import translate

# All that the sample's settings read (services/settings.py), but for the file of certificates:
# a container has it.
SAMPLE = frozenset(
    {
        *("app", "version", "upstream_url", "upstream_timeout", "lane_header", "threads", "drain"),
        *("host", "port", "management_port", "POD_IP", "POD_NAMESPACE", "log_level"),
        *("fault_delay", "fault_rate", "fault_status", "fault_token"),
    }
)
# What OpenTelemetry's SDK brings of itself. It ends at the name of any other, and this one has
# nothing else to lead a request by.
_PROPAGATORS = ("tracecontext", "baggage", "none")

# Left out of a command's variables. None of them is asked for what it holds: a list of harmless
# values would never end. Names count in capitals, for npm and proxies are asked in either case.
_REFUSED = """
    # The loader and the C library: what glibc ignores for programs with more rights than their user
    # (sysdeps/generic/unsecvars.h), and sudo as well (plugins/sudoers/env.c).
    PATH CDPATH LD_* DYLD_* _RLD* LIBPATH SHLIB_PATH GCONV_PATH GETCONF_DIR GLIBC_* HOSTALIASES
    LOCALDOMAIN LOCPATH MALLOC_* NIS_PATH NLSPATH RESOLV_* RES_OPTIONS TMPDIR TZDIR TERMINFO*
    TERMCAP TERMPATH ASAN_* LSAN_* MSAN_* TSAN_* UBSAN_*
    # Shells.
    ENV BASH* SHELL SHELLOPTS PS[0-9] PROMPT_COMMAND IFS GLOBIGNORE FPATH ZDOTDIR NULLCMD
    READNULLCMD KSH_* FISH_*
    # Interpreters and virtual machines.
    PYTHON* PERL* RUBY* NODE_[!E]* NODE_EX* DENO_* BUN_* TS_NODE_* JAVA_* JDK_* JRE_* JVM_* _JAVA_*
    CLASSPATH *_OPTS *_OPTIONS LOADER_* DOTNET_* CORECLR_* COR_* COMPLUS_* MONO_* PHP* LUA_* R_*
    ASPNETCORE_HOSTINGSTARTUP* JULIA_* GUILE_* TCL* ERL_* ELIXIR_* OCAML* CAML_*
    # Servers and frameworks that load what a variable names.
    GUNICORN_* UVICORN_* HYPERCORN_* FLASK_* WERKZEUG_* DJANGO_SETTINGS_MODULE CELERY_LOADER
    CELERY_CONFIG* SPRING_CONFIG* SPRING_MAIN* SPRING_APPLICATION_JSON LOGGING_CONFIG* CATALINA_*
    LOG4J_*
    # Compilers, builds, and what fetches packages.
    GOFLAGS GOTOOLCHAIN GOROOT GOPATH GOENV GOPROXY GOSUMDB GONOSUM* GOPRIVATE GOINSECURE GOVCS
    GOAUTH GOCACHE* GOTMPDIR GOWORK CGO_* CC CXX AR AS FC LD CFLAGS CXXFLAGS CPPFLAGS LDFLAGS
    RUSTC* RUSTFLAGS RUSTUP_* RUSTDOC* CARGO_HOME CARGO_BUILD* CARGO_TARGET* MAKE MAKEF* MFLAGS
    GNUMAKEFLAGS NPM_* YARN_* PNPM_* COREPACK_* PIP_* PIPENV_* POETRY_* UV_* CONDA_* VIRTUAL_ENV
    GRADLE_* MAVEN_* M2_* MVNW_* ANT_* SBT_* GEM_* BUNDLE_* RAKE* COMPOSER_* NUGET_* MSBUILD* MIX_*
    # Programs that programs start: editors, pagers, version control, what prompts for passwords.
    BROWSER *PAGER EDITOR *_EDITOR VISUAL LESSOPEN LESSCLOSE LESSKEY* GIT_* SVN_* HGRCPATH HGEXT*
    CVS_* RSYNC_* SSH_* SUDO_* GNUPGHOME CURL_HOME WGETRC
    # Folders and files of settings and modules that libraries open.
    HOME XDG_* OPENSSL_* SSLKEYLOGFILE KRB5* P11_* PKCS11* ODBC* LIBMYSQL_* ORACLE_HOME TNS_ADMIN
    GIO_* GTK_* GST_* QT_* KUBECONFIG DOCKER_* AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
    CLOUDSDK_*
    # The way of calls: here it is the sidecar's alone.
    *_PROXY
"""
_REFUSED_NAME = re.compile(
    "|".join(
        translate(pattern)
        for line in _REFUSED.splitlines()
        if not line.strip().startswith("#")
        for pattern in line.split()
    )
)
# OpenTelemetry's name modules to load, files to read and addresses to send to. These alone do not.
_ROUTING = re.compile(
    r"OTEL_(PROPAGATORS|SERVICE_NAME|RESOURCE_ATTRIBUTES|TRACES_SAMPLER(_ARG)?"
    r"|\w+_DISABLED_INSTRUMENTATIONS|INSTRUMENTATION_\w+_ENABLED)"
)


def of_sample(env: Mapping[str, str]) -> dict[str, str]:
    """The variables of a stand-in: the sample's settings, and which instrumentations carry baggage.

    Of propagators those that this machine has; "none" where the manifest names others alone.
    """
    found = {name: value for name, value in env.items() if name in SAMPLE}
    if propagators := env.get("OTEL_PROPAGATORS"):
        found["OTEL_PROPAGATORS"] = known_propagators(propagators)
    off = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    return found | ({off: env[off]} if off in env else {})


def known_propagators(value: str) -> str:
    """Of a list of propagators those that a stand-in has, or "none"."""
    listed = [name.strip() for name in value.split(",")]
    return ",".join(name for name in _PROPAGATORS if name in listed) or "none"


def of_command(env: Mapping[str, str]) -> dict[str, str]:
    """The variables of a command: all but those that can make a program run what they name."""
    return {name: value for name, value in env.items() if not refused(name, value)}


def refused(name: str, value: str = "") -> bool:
    """Whether a command goes without a variable."""
    capitals = name.upper()
    if capitals.startswith("OTEL_"):
        return not _ROUTING.fullmatch(name)
    # Shells of before 2014 take such a value of any name for a function, and run what is behind it.
    return value.startswith("()") or _REFUSED_NAME.fullmatch(capitals) is not None
