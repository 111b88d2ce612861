"""Passwords: hashes that are safe to store, and their check in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets

__all__ = [
    "DEFAULT_PBKDF2_ITERATIONS",
    "SALT_CHARS",
    "check_password_hash",
    "gen_salt",
    "generate_password_hash",
]

#: What a salt is made of.
SALT_CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

#: Rounds of PBKDF2 if the method does not say how many.
DEFAULT_PBKDF2_ITERATIONS = 1_000_000


def gen_salt(length: int) -> str:
    """Return ``length`` random letters and digits.

    :raises ValueError: the length is less than 1.
    """
    if length < 1:
        raise ValueError("a salt has at least one character")
    return "".join([secrets.choice(SALT_CHARS) for _ in range(length)])


def generate_password_hash(password: str, method: str = "scrypt", salt_length: int = 16) -> str:
    """Return a hash of a password, as ``method$salt$hash``, for :func:`check_password_hash`.

    :param method: ``scrypt`` or ``scrypt:n:r:p`` with the cost, the block size and the number of
        lanes, 32768:8:1 if not given; or ``pbkdf2``, ``pbkdf2:digest`` or
        ``pbkdf2:digest:iterations``, of sha256 and :data:`DEFAULT_PBKDF2_ITERATIONS`.
    :param salt_length: in characters.
    :raises ValueError: there is no such method, or it does not take these parameters.
    """
    salt = gen_salt(salt_length)
    digest, full_method = _hash(method, salt, password)
    return f"{full_method}${salt}${digest}"


def check_password_hash(pwhash: str, password: str) -> bool:
    """Tell whether a hash from :func:`generate_password_hash` was made of this password.

    The time it takes does not depend on where the hashes differ.

    :return: False, too, if ``pwhash`` has not the three parts of a hash, or the password cannot be
        encoded, so that no hash can have been made of it.
    :raises ValueError: it names a method or parameters that do not exist.
    """
    try:
        method, salt, expected = pwhash.split("$", 2)
        password.encode()  # a lone surrogate is what JSON can bring
    except ValueError:
        return False
    digest, _ = _hash(method, salt, password)
    return hmac.compare_digest(digest.encode(), expected.encode(errors="surrogatepass"))


def _hash(method: str, salt: str, password: str) -> tuple[str, str]:
    """Return the hash in hexadecimal digits, and the method with all its parameters."""
    name, *arguments = method.split(":")
    if name == "scrypt":
        return _scrypt(arguments, salt.encode(), password.encode())
    if name == "pbkdf2":
        return _pbkdf2(arguments, salt.encode(), password.encode())
    raise ValueError(f"no such hash method: {name!r}")


def _scrypt(arguments: list[str], salt: bytes, password: bytes) -> tuple[str, str]:
    try:
        n, r, p = map(int, arguments) if arguments else (2**15, 8, 1)
    except ValueError:
        raise ValueError("scrypt takes three numbers") from None
    try:
        # It needs about 128 * n * r octets; the bound is the one that others check these with.
        digest = hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=132 * n * r * p)
    except (OverflowError, TypeError) as error:
        raise ValueError(f"scrypt does not take {n}:{r}:{p}") from error
    return digest.hex(), f"scrypt:{n}:{r}:{p}"


def _pbkdf2(arguments: list[str], salt: bytes, password: bytes) -> tuple[str, str]:
    if len(arguments) > 2:
        raise ValueError("pbkdf2 takes a digest and a number of iterations")
    name = arguments[0] if arguments else "sha256"
    iterations = int(arguments[1]) if len(arguments) > 1 else DEFAULT_PBKDF2_ITERATIONS
    try:
        digest = hashlib.pbkdf2_hmac(name, password, salt, iterations)
    except OverflowError as error:
        raise ValueError(f"pbkdf2 does not take {iterations} iterations") from error
    return digest.hex(), f"pbkdf2:{name}:{iterations}"
