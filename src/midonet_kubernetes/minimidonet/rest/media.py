"""Media types: which are accepted, and what an answer is labelled with (rest-api 1.3, 11.2, 11.4).

MidoNet has two mechanisms. *Generic* resources take anything at HTTP level and compare the header's text with a list.
*Declared* ones leave the choice to the framework, with wildcards and quality values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from midonet_kubernetes.minimidonet.rest.refusal import Refusal

JSON = "application/json"
ERROR = "application/vnd.org.midonet.Error-v1+json"
ANY = "*/*"


def vendor(name: str) -> str:
    """The vendor type for a name with version, such as ``Bridge-v4`` or ``collection.Port-v3``."""
    return f"application/vnd.org.midonet.{name}+json"


@dataclass(frozen=True, eq=False)  # one is known by its identity, which costs nothing to look up
class Media:
    """The types that one method accepts or produces.

    Args:
        types: in order of declaration.
        generic: compared as text; otherwise negotiated.
        otherwise: the status when none fits; 0 for the mechanism's usual one (406 or 415).
        any_json: what is negotiated may be any JSON type.
    """

    types: tuple[str, ...]
    generic: bool = True
    otherwise: int = 0
    any_json: bool = False

    def produced(self, accept: str | None) -> str:
        """What the answer to a GET is labelled with.

        Raises:
            Refusal: 406.
        """
        return _produced(self, accept)

    def check_consumed(self, content_type: str | None) -> None:
        """Whether a body of this type is taken, once it is parsed.

        Raises:
            Refusal: 406 for generic resources, 415 for others.
        """
        _check_consumed(self, content_type)


@lru_cache(maxsize=1024)
def _produced(media: Media, accept: str | None) -> str:
    text = (accept or "").strip()
    if media.generic:
        return _produced_generic(media, text)
    if not text:
        return media.types[0]
    offered = {type_.lower(): type_ for type_ in media.types}
    for wanted in _by_quality(text):
        if wanted in offered:
            return offered[wanted]
        if wanted in {ANY, "*", "application/*"}:
            return media.types[0]
        if media.any_json and wanted.endswith(("/json", "+json")):
            return wanted
        if media.otherwise:
            break  # the verb that every resource inherits takes this type, and is not supported here
    raise Refusal(media.otherwise or 406, plain=True)


def _produced_generic(media: Media, text: str) -> str:
    bare = _bare(text)
    if bare in {ANY, "*/json"}:
        return JSON
    if bare == "application/*":
        raise Refusal(406, "Name one media type: application/* is not understood here")
    if bare in {type_.lower() for type_ in media.types}:
        return _without_quality(text)
    raise Refusal(media.otherwise or 406, plain=True)


@lru_cache(maxsize=1024)
def _check_consumed(media: Media, content_type: str | None) -> None:
    bare = _bare(content_type or "")
    if bare == ANY or bare in {type_.lower() for type_ in media.types}:
        return
    raise Refusal(media.otherwise or (406 if media.generic else 415), plain=True)


@lru_cache(maxsize=1024)
def check_json(content_type: str | None) -> None:
    """Whether a body of this type is read as JSON at all.

    Raises:
        Refusal: 415 if not; 400 when it is no media type.
    """
    text = (content_type or "").split(";")[0].strip()
    if not text:
        raise Refusal(415, plain=True)
    kind, slash, subtype = text.partition("/")
    if not slash or not kind or not subtype or "," in text or " " in text:
        raise Refusal(400, "Content-Type is not one media type", page=True)
    if text != ANY and subtype.lower() != "json" and not subtype.endswith("+json"):
        raise Refusal(415, plain=True)


def _bare(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _without_quality(text: str) -> str:
    first, *parameters = text.split(";")
    kept = [parameter for parameter in parameters if not parameter.strip().lower().startswith("q=")]
    return ";".join([first, *kept]).strip()


def _by_quality(accept: str) -> list[str]:
    """The types of an Accept header: best first, of equal ones the most specific; those with quality 0 are left out."""
    ranked: list[tuple[float, int, int, str]] = []
    for place, part in enumerate(accept.split(",")):
        first, *parameters = part.split(";")
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.strip().partition("=")
            if name.strip().lower() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        wanted = first.strip().lower()
        if quality > 0 and wanted:
            ranked.append((-quality, wanted.count("*"), place, wanted))
    return [wanted for _, _, _, wanted in sorted(ranked)]
