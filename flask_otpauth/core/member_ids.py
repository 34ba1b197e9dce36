"""Which texts can be a member id (contract/account.md, "Who is meant")."""

from __future__ import annotations

LONGEST = 64


def member_id(text: str) -> str:
    """
    Return ``text`` if it can be a member id.

    :raises ValueError: if no client could name a user by it. A text with an ``@`` is read as an e-mail
        address, and blanks around a text are removed.
    """
    if not text or text != text.strip() or "@" in text or not text.isprintable():
        raise ValueError(
            "invalid member id: it is empty, contains an @ or a control character, or starts or "
            "ends with a blank"
        )
    if len(text) > LONGEST:
        raise ValueError(f"invalid member id: longer than {LONGEST} characters")
    return text
