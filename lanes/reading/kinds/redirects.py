"""Redirects, rewrites and direct responses in rules of both APIs."""

import re
from typing import Annotated, Literal

import re2
from pydantic import Field, model_validator

from lanes.reading.kinds.fields import Closed, Open, Port, require_re2, wrong

Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
Scheme = Annotated[str, Field(pattern="^[a-z]*$")]


class Redirect(Open):
    """A redirect of a VirtualService's rule."""

    uri: Text = ""
    authority: Text = ""
    scheme: Scheme = ""
    port: Port | None = None
    redirect_code: Annotated[int, Field(ge=300, le=399)] = 301


class BodyOfResponse(Open):
    string: str = ""


class DirectResponse(Open):
    status: Annotated[int, Field(ge=200, le=599)]
    body: BodyOfResponse = BodyOfResponse.model_construct()


class RegexRewrite(Closed):
    match: str
    rewrite: Text

    @model_validator(mode="after")
    def _fits(self) -> "RegexRewrite":
        require_re2(self.match)
        groups = re2.compile(self.match).groups
        if any(int(number) > groups for number in re.findall(r"\\([0-9])", self.rewrite)):
            raise wrong(f"rewrite names a group that match does not have: it has {groups}")
        if re.search(r"\\(?![0-9\\])", self.rewrite):
            raise wrong("rewrite has a backslash before what is neither a number nor a backslash")
        return self


class HttpRewrite(Closed):
    """The host and path that a VirtualService's rule gives forwarded requests."""

    uri: Text = ""
    authority: Text = ""
    uri_regex_rewrite: RegexRewrite | None = None


class PathModifier(Closed):
    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    replace_full_path: Text | None = None
    replace_prefix_match: Text | None = None

    @model_validator(mode="after")
    def _of_its_type(self) -> "PathModifier":
        full, prefix = self.replace_full_path, self.replace_prefix_match
        is_full = self.type == "ReplaceFullPath"
        if (full is None) == is_full or (prefix is None) != is_full:
            raise wrong(f"is of type {self.type}, and should set the field of that type alone")
        return self


class RequestRedirect(Open):
    """A redirect of an HTTPRoute's rule."""

    scheme: Scheme = ""
    hostname: Text = ""
    path: PathModifier | None = None
    port: Port | None = None
    status_code: Literal[301, 302, 303, 307, 308] = 302


class UrlRewrite(Closed):
    """The host and path that an HTTPRoute's rule gives forwarded requests."""

    hostname: Text = ""
    path: PathModifier | None = None
