"""Secrets that must be readable again, sealed: what lies in the database is worth nothing without a key from elsewhere.

Rules
- Sealed is with AES-256-GCM under a fresh nonce, bound to what the secret belongs to, so that a sealed text moved to
  another row opens nothing.
- The keys are those of a setting, each the base64 of 32 bytes: the first seals, all of them open, so that a new key can
  follow an old one. Without the setting a registry in a folder has a key file, made when it is first needed; and the
  key of a file that is there opens too.
- Where there is neither, nothing is sealed and the request is refused: a secret is never written in clear text.
- A key file is made once, whoever comes first: it is written whole under another name, and then linked. Only its owner
  may read it.
- A sealed text is `sealed:<key>:<base64>`, where `<key>` is a fingerprint: it tells which key opens it, and no more.
- Text from before is in clear, and read as it stands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelyard.errors import InvalidConfig, RegistryReadOnly, SecretsLocked

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SETTING: Final = "webhooks.secret_key"
FILE: Final = "secret.key"
"""The name of the key file in a registry's folder."""
KEY_BYTES: Final = 32

_MARK: Final = "sealed"
_NONCE_BYTES: Final = 12
_ANEW: Final = "give the webhook a new secret: `modelyard webhook rotate ID --overlap 0`"
_MAKE: Final = "make one with `openssl rand -base64 32`"


class Vault:
    """Seals and opens secrets; safe to use from several threads.

    Args:
        keys: the setting: keys as base64, separated by commas, the newest first; empty for none.
        file: where a key file is kept; None where the registry has no folder that all its processes share.

    Raises:
        InvalidConfig: one of the keys is none.
    """

    def __init__(self, keys: str = "", file: Path | None = None) -> None:
        self._given = [_key(text.strip()) for text in keys.split(",") if text.strip()]
        self._file = file
        self._lock = threading.Lock()
        self._filed: bytes | None = None

    def seal(self, text: str, owner: str) -> str:
        """Seal a text that belongs to `owner`.

        Raises:
            SecretsLocked: there is no key.
            RegistryReadOnly: the key file cannot be made.
        """
        key = self._given[0] if self._given else self._file_key(make=True)
        if key is None:
            raise SecretsLocked(
                "secrets of webhooks are stored encrypted, and no key is set", hint=f"set {SETTING}; {_MAKE}"
            )
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + _cipher(key).encrypt(nonce, text.encode(), owner.encode())
        return f"{_MARK}:{_fingerprint(key)}:{base64.b64encode(sealed).decode()}"

    def open(self, stored: str, owner: str) -> str:
        """Return the text that was sealed for `owner`, or one that was stored before texts were sealed.

        Raises:
            SecretsLocked: none of the keys opens it.
        """
        if not is_sealed(stored):
            return stored
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - few processes have secrets to open

        fingerprint, _, body = stored.removeprefix(f"{_MARK}:").partition(":")
        key = next((key for key in self._keys() if _fingerprint(key) == fingerprint), None)
        if key is None:
            raise SecretsLocked(
                f"the secret of {owner} was sealed with the key {fingerprint}, which is not here",
                hint=f"add that key to {SETTING} or put back {FILE}; or {_ANEW}",
                details={"key": fingerprint, "owner": owner},
            )
        try:
            raw = base64.b64decode(body, validate=True)
            return _cipher(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], owner.encode()).decode()
        except (InvalidTag, ValueError):
            raise damaged(owner) from None

    @property
    def has_key(self) -> bool:
        """Whether something can be sealed; a key file may still have to be made."""
        return bool(self._given) or self._file is not None

    def is_current(self, stored: str) -> bool:
        """Whether a stored text is sealed with the key that seals now."""
        keys = self._keys()
        return bool(keys) and stored.startswith(f"{_MARK}:{_fingerprint(keys[0])}:")

    def _keys(self) -> list[bytes]:
        filed = self._file_key(make=False)
        return self._given + ([filed] if filed else [])

    def _file_key(self, *, make: bool) -> bytes | None:
        if self._file is None:
            return None
        with self._lock:
            if self._filed is None and (make or self._file.exists()):
                self._filed = _of_file(self._file)
            return self._filed


def damaged(owner: str) -> SecretsLocked:
    """The error for a stored secret that is none of `owner`'s."""
    return SecretsLocked(
        f"the stored secret of {owner} is damaged, or belongs to something else", hint=_ANEW, details={"owner": owner}
    )


def is_sealed(stored: str) -> bool:
    """Whether a stored text is sealed; one from before is JSON."""
    return stored.startswith(f"{_MARK}:")


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - see above

    return AESGCM(key)


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"modelyard key\0" + key).hexdigest()[:12]


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, altchars=b"-_" if set(text) & set("-_") else None, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        # The text is not repeated: it may be most of a key.
        raise InvalidConfig(f"a key in {SETTING} is not the base64 of {KEY_BYTES} bytes", hint=_MAKE)
    return key


def _of_file(file: Path) -> bytes:
    """Return the key of a file, which is made if it is not there."""
    try:
        if not file.exists():
            _make(file)
        text = file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise RegistryReadOnly(
            f"the key file {file} cannot be used: {error.strerror}",
            hint=f"give this user access to it, or set {SETTING}",
        ) from error
    except UnicodeDecodeError:
        text = ""
    try:
        return _key(text)
    except InvalidConfig:
        raise SecretsLocked(
            f"{file} holds no key", hint="put back the file; a new one does not open what is sealed"
        ) from None


def _make(file: Path) -> None:
    """Write a new key, unless another process was faster."""
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
            stream.flush()
            os.fsync(descriptor)
        # A link fails where the name is taken, and never shows half of a key.
        with suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        temporary.unlink()
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
