"""Markdown from models: a subset, through an allow-list."""

from __future__ import annotations

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from oversight.wording import visible

_TAGS = {
    "a", "blockquote", "br", "code", "em", "h4", "hr", "li", "ol", "p", "pre", "s", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
# Images would fetch from wherever the model says, and raw HTML is never meant.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image"])


def _level(tokens: list[Token]) -> list[Token]:
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h4"  # below our own headings
    return tokens


def markdown(text: str) -> SafeString:
    """The text as HTML: no attributes but links' addresses, no images, no raw HTML."""
    tokens = _level(_MARKDOWN.parse(visible(text)))
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)  # noqa: S308 - cleaned by the allow-list just above  # nosec
