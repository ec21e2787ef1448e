"""Redirects and rewrites of both APIs, as Istio takes them."""

from lanes.mesh.rewriting import Redirect, Rewrite
from lanes.reading.kinds import redirects


def redirect_of(redirect: redirects.Redirect) -> Redirect:
    """Return where a VirtualService's rule redirects to."""
    return Redirect(redirect.scheme, redirect.authority, redirect.port, path=redirect.uri)


def rewrite_of(rewrite: redirects.HttpRewrite) -> Rewrite:
    """Return what a VirtualService's rule makes of a request."""
    regex = rewrite.uri_regex_rewrite
    if regex:
        return Rewrite(rewrite.authority, regex=(regex.match, regex.rewrite))
    return Rewrite(rewrite.authority, rewrite.uri)


def api_redirect(redirect: redirects.RequestRedirect) -> Redirect:
    """Return where an HTTPRoute's rule redirects to."""
    path = redirect.path
    full, prefix = (path.replace_full_path, path.replace_prefix_match) if path else ("", "")
    return Redirect(redirect.scheme, redirect.hostname, redirect.port, full or "", prefix or "")


def api_rewrite(rewrite: redirects.UrlRewrite) -> Rewrite:
    """Return what an HTTPRoute's rule makes of a request."""
    if rewrite.path is None:
        return Rewrite(rewrite.hostname)
    if rewrite.path.replace_full_path is not None:
        return Rewrite(rewrite.hostname, regex=("/.*", rewrite.path.replace_full_path))
    prefix = (rewrite.path.replace_prefix_match or "").rstrip("/")
    return Rewrite(rewrite.hostname, prefix, removes_prefix=not prefix)
