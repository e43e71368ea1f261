"""Mutate initData and sign it again, so that the fuzzer reaches the code after the MAC check."""

import random
from collections.abc import Callable
from urllib.parse import quote_from_bytes, unquote_to_bytes

from tests.conftest import BOT_TOKEN
from tests.signing import mac

Mutate = Callable[[bytes, int], bytes]
Pairs = list[tuple[bytes, bytes]]


def mutated(data: bytes, max_size: int, seed: int, mutate: Mutate) -> bytes:
    """Another initData of at most `max_size` bytes, made of `data` by `mutate` (bytes and a size to bytes).

    Three of four have a good hash as far as they can be read, two of four can be; the rest is left as it came out.
    """
    choice = random.Random(seed)
    if choice.random() < 0.25:
        return mutate(data, max_size)
    pairs = _decoded(data)
    legible = choice.random() < 0.67
    if legible:
        fresh = {b"auth_date": b"1790000000"} if choice.random() < 0.67 else {}
        pairs = list((dict(pairs) | fresh).items())
    at = choice.randrange(len(pairs) + 1)
    operation = choice.randrange(10)
    if at == len(pairs) or operation == 0:
        pairs.insert(at, (mutate(b"", 16), b""))
    elif operation == 1:
        del pairs[at]
    elif operation == 2:
        choice.shuffle(pairs)
    else:
        name, value = pairs[at]
        pairs[at] = name, mutate(value, 3000)
    if legible:
        pairs = [(_legible(name), _legible(value)) for name, value in pairs]
        fields = _encoded(pairs, safe=choice.choice(["", '{}":,[]']))
    else:
        fields = _misspelt(_encoded(pairs, safe=""), choice)
    return signed_anyhow(fields)[:max_size]


def signed_anyhow(data: bytes) -> bytes:
    """The fields with the hash that a lenient reader would compute, put last."""
    pairs = {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in _decoded(data)}
    return b"%b&hash=%b" % (data, mac(list(pairs.items()), BOT_TOKEN).encode())


def _decoded(data: bytes) -> Pairs:
    """The fields but for the hash, however odd."""
    parts = [field.replace(b"+", b" ").partition(b"=") for field in data.split(b"&")]
    pairs = [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parts]
    return [(name, value) for name, value in pairs if name != b"hash"]


def _encoded(pairs: Pairs, *, safe: str) -> bytes:
    return "&".join(f"{quote_from_bytes(name, safe)}={quote_from_bytes(value, safe)}" for name, value in pairs).encode()


def _legible(text: bytes) -> bytes:
    return text.decode("utf-8", "replace").replace("\n", " ").encode()


def _misspelt(fields: bytes, choice: random.Random) -> bytes:
    """The fields with one character replaced by an escape, a broken one or a separator."""
    at = choice.randrange(len(fields) + 1)
    char = fields[at] if at < len(fields) else 0
    other = choice.choice([f"%{char:02x}", f"%{char:02X}", "%", "%%", "%ff", "%0a", "&", "=", ";", "+", "&&", "&user="])
    return fields[:at] + other.encode() + fields[at + 1 :]
