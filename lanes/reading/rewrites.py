"""Redirects and rewrites of both APIs, as Istio applies them."""

from lanes.mesh.rewriting import Redirect, Rewrite
from lanes.reading.kinds import redirects


def redirect_of(redirect: redirects.Redirect) -> Redirect:
    """Return the redirect of a VirtualService's rule."""
    return Redirect(redirect.scheme, redirect.authority, redirect.port, path=redirect.uri)


def rewrite_of(rewrite: redirects.HttpRewrite) -> Rewrite:
    """Return the rewrite of a VirtualService's rule."""
    regex = rewrite.uri_regex_rewrite
    if regex:
        return Rewrite(rewrite.authority, regex=(regex.match, regex.rewrite))
    return Rewrite(rewrite.authority, rewrite.uri)


def api_redirect(redirect: redirects.RequestRedirect) -> Redirect:
    """Return the redirect of an HTTPRoute's rule."""
    path = redirect.path
    full, prefix = (path.replace_full_path, path.replace_prefix_match) if path else ("", "")
    return Redirect(redirect.scheme, redirect.hostname, redirect.port, full or "", prefix or "")


def api_rewrite(rewrite: redirects.UrlRewrite) -> Rewrite:
    """Return the rewrite of an HTTPRoute's rule."""
    if rewrite.path is None:
        return Rewrite(rewrite.hostname)
    if rewrite.path.replace_full_path is not None:
        return Rewrite(rewrite.hostname, regex=("/.*", rewrite.path.replace_full_path))
    prefix = (rewrite.path.replace_prefix_match or "").rstrip("/")
    return Rewrite(rewrite.hostname, prefix, removes_prefix=not prefix)
