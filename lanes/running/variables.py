"""Select the variables of a manifest that are safe for a process on this machine.

Manifests may come from strangers. In a cluster, variables affect a container alone. On this
machine, some would make a loader, a shell or an interpreter run code as the mesh's user.
"""

import re
from collections.abc import Mapping
from fnmatch import translate

# All variables that services/settings.py reads, except for the file of certificates, which only a
# container has.
SAMPLE = frozenset(
    {
        *("app", "version", "upstream_url", "upstream_timeout", "lane_header", "threads", "drain"),
        *("host", "port", "management_port", "POD_IP", "POD_NAMESPACE", "log_level"),
        *("fault_delay", "fault_rate", "fault_status", "fault_token"),
    }
)
# OpenTelemetry's variables that stand-ins get. Empty ones count as unset.
_OTEL = ("OTEL_PROPAGATORS", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS")
# The propagators of OpenTelemetry's SDK. The SDK fails on any other name.
_PROPAGATORS = ("tracecontext", "baggage", "none")

# Variables that commands do not get, whatever their values: a list of harmless values would never
# end. Patterns match names in upper case, since npm and proxies read either case.
_REFUSED = """
    # The loader and the C library: variables that glibc ignores in setuid programs
    # (sysdeps/generic/unsecvars.h), and those that sudo removes (plugins/sudoers/env.c).
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
    # Servers and frameworks that load code named by a variable.
    GUNICORN_* UVICORN_* HYPERCORN_* FLASK_* WERKZEUG_* DJANGO_SETTINGS_MODULE CELERY_LOADER
    CELERY_CONFIG* SPRING_CONFIG* SPRING_MAIN* SPRING_APPLICATION_JSON LOGGING_CONFIG* CATALINA_*
    LOG4J_*
    # Compilers, builds, and package managers.
    GOFLAGS GOTOOLCHAIN GOROOT GOPATH GOENV GOPROXY GOSUMDB GONOSUM* GOPRIVATE GOINSECURE GOVCS
    GOAUTH GOCACHE* GOTMPDIR GOWORK CGO_* CC CXX AR AS FC LD CFLAGS CXXFLAGS CPPFLAGS LDFLAGS
    RUSTC* RUSTFLAGS RUSTUP_* RUSTDOC* CARGO_HOME CARGO_BUILD* CARGO_TARGET* MAKE MAKEF* MFLAGS
    GNUMAKEFLAGS NPM_* YARN_* PNPM_* COREPACK_* PIP_* PIPENV_* POETRY_* UV_* CONDA_* VIRTUAL_ENV
    GRADLE_* MAVEN_* M2_* MVNW_* ANT_* SBT_* GEM_* BUNDLE_* RAKE* COMPOSER_* NUGET_* MSBUILD* MIX_*
    # Programs that other programs start: editors, pagers, version control, password prompts.
    BROWSER *PAGER EDITOR *_EDITOR VISUAL LESSOPEN LESSCLOSE LESSKEY* GIT_* SVN_* HGRCPATH HGEXT*
    CVS_* RSYNC_* SSH_* SUDO_* GNUPGHOME CURL_HOME WGETRC
    # Folders and files from which libraries read settings and modules.
    HOME XDG_* OPENSSL_* SSLKEYLOGFILE KRB5* P11_* PKCS11* ODBC* LIBMYSQL_* ORACLE_HOME TNS_ADMIN
    GIO_* GTK_* GST_* QT_* KUBECONFIG DOCKER_* AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
    CLOUDSDK_*
    # Proxies: on this machine, all calls go to the sidecar.
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
# Of OpenTelemetry's variables, these alone name no modules to load, files to read or addresses.
_HARMLESS_OTEL = re.compile(
    r"OTEL_(PROPAGATORS|SERVICE_NAME|RESOURCE_ATTRIBUTES|TRACES_SAMPLER(_ARG)?"
    r"|\w+_DISABLED_INSTRUMENTATIONS|INSTRUMENTATION_\w+_ENABLED)"
)


def of_sample(env: Mapping[str, str]) -> dict[str, str]:
    """Return the sample's settings, and those of OpenTelemetry that are not empty."""
    return {
        name: value for name, value in env.items() if name in SAMPLE or (value and name in _OTEL)
    }


def known_propagators(value: str) -> str:
    """Return the propagators of a comma-separated list that a stand-in has; "none" without any."""
    listed = [name.strip() for name in value.split(",")]
    return ",".join(name for name in _PROPAGATORS if name in listed) or "none"


def of_command(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a command: all but the refused ones."""
    return {name: value for name, value in env.items() if not refused(name, value)}


def refused(name: str, value: str = "") -> bool:
    """Tell whether a command does not get a variable, since it may make a program run code."""
    capitals = name.upper()
    if capitals.startswith("OTEL_"):
        return not _HARMLESS_OTEL.fullmatch(name)
    # Shells from before 2014 run what follows a function in any variable (Shellshock).
    return value.startswith("()") or _REFUSED_NAME.fullmatch(capitals) is not None
