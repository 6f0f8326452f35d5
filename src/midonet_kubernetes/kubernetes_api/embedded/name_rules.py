"""The grammars of Kubernetes names, with the API server's own explanations.

Source: k8s.io/apimachinery ``util/validation`` and ``api/validation``; RFC 1035 and RFC 1123.
"""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(_LABEL.pattern + r"(\." + _LABEL.pattern + ")*")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_PORT_NAME = re.compile(r"[a-z0-9-]+")

_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end "
    "with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_QUALIFIED_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def _check(name: str, grammar: re.Pattern[str], explanation: str, longest: int) -> list[str]:
    wrong = []
    if len(name) > longest:
        wrong.append(f"must be no more than {longest} bytes")
    if not grammar.fullmatch(name):
        wrong.append(explanation)
    return wrong


def label(name: str) -> list[str]:
    """What is wrong with an RFC 1123 label (Namespaces, containers)."""
    return _check(name, _LABEL, _LABEL_TEXT, 63)


def label_1035(name: str) -> list[str]:
    """What is wrong with an RFC 1035 label (Services: their names are DNS names)."""
    return _check(name, _LABEL_1035, _LABEL_1035_TEXT, 63)


def subdomain(name: str) -> list[str]:
    """What is wrong with an RFC 1123 subdomain (most objects)."""
    return _check(name, _SUBDOMAIN, _SUBDOMAIN_TEXT, 253)


def path_segment(name: str) -> list[str]:
    """What is wrong with a name that only has to fit a path (RBAC: ``system:node``)."""
    if name in {".", ".."}:
        return [f"may not be '{name}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in name]


def port_name(name: str) -> list[str]:
    """What is wrong with a container port's name (IANA_SVC_NAME: at most 15 characters, at least one letter)."""
    wrong = []
    if len(name) > 15:
        wrong.append("must be no more than 15 characters")
    if not _PORT_NAME.fullmatch(name) or name.startswith("-") or name.endswith("-") or "--" in name:
        wrong.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not any(character.isalpha() for character in name):
        wrong.append("must contain at least one letter (a-z)")
    return wrong


def qualified_key(name: str) -> list[str]:
    """What is wrong with a label's or annotation's key: ``[prefix/]name``."""
    prefix, slash, last = name.rpartition("/")
    wrong = [f"prefix part {text}" for text in subdomain(prefix)] if slash else []
    return wrong + _check(last, _QUALIFIED, _QUALIFIED_TEXT, 63)


def label_value(value: str) -> list[str]:
    """What is wrong with a label's value."""
    return _check(value, _QUALIFIED, _VALUE_TEXT, 63) if value else []
