"""Print signed initData in Telegram's format: `python -m infra.local.initdata --user 42`."""

import argparse
import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from urllib.parse import urlencode

from infra.local.settings import LOCAL_BOT_TOKEN
from infra.operate.derived_keys import init_data_key


def signed_init_data(user: Mapping[str, object], bot_token: str, auth_date: int, **more: str) -> str:
    """Sign the initData of `user` (Telegram's JSON object) with `bot_token` at `auth_date` (epoch seconds)."""
    fields = {
        "query_id": "AAHdF6IQAAAAAN0XohDhrOrc",
        "user": json.dumps(user, ensure_ascii=False, separators=(",", ":")),
        "auth_date": str(auth_date),
        # Telegram's signature for third parties. Only Telegram can make one, but the hash covers this field.
        "signature": "not-checked-here",
        **more,
    }
    text = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    key = bytes.fromhex(init_data_key(bot_token))
    fields["hash"] = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return urlencode(fields)


def main() -> None:
    """Print initData for the user of the command line, signed with TELEGRAM_BOT_TOKEN or the local token."""
    parser = argparse.ArgumentParser(
        description="Print initData for a user, signed with TELEGRAM_BOT_TOKEN (default: the token of make run)."
    )
    parser.add_argument("--user", type=int, required=True, help="Telegram user id")
    parser.add_argument("--first-name")
    parser.add_argument("--last-name")
    parser.add_argument("--username")
    parser.add_argument("--age", type=int, default=0, help="age of the signature, in seconds (default: 0)")
    given = parser.parse_args()
    user = {
        "id": given.user,
        "first_name": given.first_name or f"User {given.user}",
        "last_name": given.last_name,
        "username": given.username,
        "language_code": "ru",
    }
    user = {name: value for name, value in user.items() if value is not None}
    token = os.environ.get("TELEGRAM_BOT_TOKEN") or LOCAL_BOT_TOKEN
    print(signed_init_data(user, token, int(time.time()) - given.age))


if __name__ == "__main__":
    main()
