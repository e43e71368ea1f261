"""`make demo`: fill the running service with a made-up day, through its API and the fakes.

Orders in eight cities, takes, responses, reviews, complaints, payments and support threads: lists, the panel and the
metrics then have something to show.
"""

import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from infra.local.initdata import signed_init_data
from infra.local.settings import FAKES, LocalSettings, SettingError

_TIMEOUT_SECONDS = 120
_TOP_UP = 100  # roubles

CLIENTS = ("Мария", "Олег", "Светлана", "Тимур", "Юлия", "Роман", "Ольга", "Павел", "Нина", "Артём")
EXECUTORS = ("Иван", "Ксения", "Денис", "Лариса", "Михаил", "Фёдор", "Егор")
_FIRST_CLIENT, _FIRST_EXECUTOR = 3001, 3101


@dataclass(frozen=True)
class Story:
    """An order of a client (index), what happens to it, and the executors (indexes) who take it.

    `end`: "open", "answered", "completed", "closed" or "deleted". `review`: a rating and a comment. `complaint`: of the
    last executor, its kind and comment.
    """

    client: int
    category: str
    city: str
    text: str
    executors: tuple[int, ...] = ()
    end: str = "open"
    review: tuple[int, str | None] | None = None
    complaint: tuple[str, str] | None = None


DAY = (
    Story(
        0,
        "Сантехника",
        "Москва",
        "Прорвало трубу под мойкой, вода заливает соседей",
        (0, 1, 2),
        "completed",
        (5, "Приехал за двадцать минут, всё починил"),
    ),
    Story(
        1,
        "Электрика",
        "Москва",
        "Выбивает автомат, как только включаю чайник",
        (1, 3),
        "completed",
        (4, "Хорошо, но дольше обещанного"),
    ),
    Story(2, "Клининг", "Казань", "Срочная уборка двухкомнатной квартиры после ремонта", (4,), "answered"),
    Story(
        3,
        "Бытовой ремонт",
        "Казань",
        "Не закрывается входная дверь, нужен мастер по замкам",
        (0, 5),
        "closed",
        None,
        ("Отменил заказ", "Был в пути, когда клиент закрыл заказ"),
    ),
    Story(
        4,
        "Сборка/установка",
        "Санкт-Петербург",
        "Собрать шкаф и комод, детали и инструкция есть",
        (2,),
        "completed",
        (5, None),
    ),
    Story(5, "Бытовая техника", "Санкт-Петербург", "Стиральная машина не сливает воду и гудит", (2, 6, 4)),
    Story(
        6,
        "Сантехника",
        "Новосибирск",
        "Засорилась раковина, вода не уходит совсем",
        (3,),
        "completed",
        (2, "Опоздал на час и не предупредил"),
    ),
    Story(7, "Другое", "Новосибирск", "Помочь занести холодильник на пятый этаж без лифта"),
    Story(
        8,
        "Электрика",
        "Екатеринбург",
        "Искрит розетка в детской, боимся включать свет",
        (5, 6),
        "answered",
        None,
        ("Не отвечал", "Звонил три раза за десять минут"),
    ),
    Story(
        9,
        "Клининг",
        "Екатеринбург",
        "Помыть окна на балконе, шесть створок",
        (1,),
        "completed",
        (5, "Чисто и быстро, спасибо"),
    ),
    Story(0, "Бытовой ремонт", "Краснодар", "Отвалилась плитка в ванной, четыре штуки"),
    Story(1, "Сантехника", "Краснодар", "Течёт бойлер, капает на пол в коридоре", (0, 3)),
    Story(
        2,
        "Сборка/установка",
        "Самара",
        "Повесить телевизор на стену из гипсокартона",
        (4,),
        "completed",
        (1, "Просверлил не там"),
        ("Ложная информация", "Стена была из бетона"),
    ),
    Story(3, "Бытовая техника", "Самара", "Не греет духовка, плита электрическая", (6,)),
    Story(4, "Другое", "Уфа", "Вскрыть почтовый ящик, потерялся ключ", (), "deleted"),
    Story(5, "Электрика", "Уфа", "Поменять три выключателя и одну люстру"),
)

# What people write to the bot, a support thread each; the operator answers some.
MESSAGES = (
    ("client", 6, "Исполнитель опоздал на час. Куда пожаловаться?", "Спасибо, мы поговорили с исполнителем."),
    ("executor", 5, "Клиент закрыл заказ, когда я уже ехал", None),
    ("executor", 2, "Как выбрать город для новых заказов?", None),
)


class DemoFailed(Exception):
    """The day cannot be filled in. The message is one sentence."""


class Demo:
    """A caller of the running service, who can sign in as anybody."""

    def __init__(self, settings: LocalSettings) -> None:
        self._settings = settings
        self._url = f"http://127.0.0.1:{settings.port}"
        self._names = {_FIRST_CLIENT + number: name for number, name in enumerate(CLIENTS)}
        self._names |= {_FIRST_EXECUTOR + number: name for number, name in enumerate(EXECUTORS)}
        self.done: Counter[str] = Counter()

    def fill(self) -> None:
        """Make the day up. Raises DemoFailed."""
        executors = [_FIRST_EXECUTOR + number for number in range(len(EXECUTORS))]
        for number, executor in enumerate(executors):
            self._subscribe(executor)
            self._top_up(executor, self._settings.payment_providers[number % len(self._settings.payment_providers)])
        for story in DAY:
            self._tell(story, executors)
        for role, number, text, answer in MESSAGES:
            self._write(_FIRST_CLIENT + number if role == "client" else executors[number], text, answer)

    def _subscribe(self, executor: int) -> None:
        self._call("PUT", "/api/users/me/preferences", executor, {"categories": [], "cities": []})
        self._call("PUT", "/api/users/me/notification-settings", executor, {"enabled": True, "frequency": 5})

    def _top_up(self, executor: int, provider: str) -> None:
        body = {"amount": _TOP_UP, "provider": provider, "receipt_contact": "receipts@example.ru"}
        page = urlsplit(self._call("POST", "/api/balance/create-invoice", executor, body)["pay_url"]).path
        if not page.startswith(f"{FAKES}/"):
            raise DemoFailed(f"{provider} is not a fake here, and the made-up people have no money: unset its address.")
        self._post_form(page, how="paid", payer=executor)
        self.done["payments"] += 1

    def _tell(self, story: Story, executors: list[int]) -> None:
        """Post the order, let it be taken, and let it end."""
        client = _FIRST_CLIENT + story.client
        body = {
            "category": story.category,
            "city": story.city,
            "description": story.text,
            "contact": f"@demo_{secrets.token_hex(6)}",
        }
        order = self._call("POST", "/api/orders", client, body)["id"]
        self.done["orders"] += 1
        for number in story.executors:
            self._call("POST", f"/api/orders/{order}/take", executors[number])
            self.done["takes"] += 1
        if story.end == "deleted":
            self._call("DELETE", f"/api/orders/{order}", client)
        elif story.end == "closed":
            self._call("POST", f"/api/orders/{order}/close", client)
        elif story.end != "open":
            self._call("POST", f"/api/orders/{order}/respond", client)
        if story.end == "completed":
            self._call("POST", f"/api/orders/{order}/complete", client)
        if story.review is not None:
            rating, comment = story.review
            self._call("POST", "/api/reviews/client", client, {"order_id": order, "rating": rating, "comment": comment})
            self.done["reviews"] += 1
        if story.complaint is not None:
            kind, comment = story.complaint
            complaint = {"order_id": order, "complaint": kind, "comment": comment}
            self._call("POST", "/api/reviews/executor", executors[story.executors[-1]], complaint)
            self.done["complaints"] += 1

    def _write(self, person: int, text: str, answer: str | None) -> None:
        """Write to the bot as a person, and answer as an operator."""
        self._post_form(f"{FAKES}/telegram/say", chat_id=person, text=text)
        self.done["threads"] += 1
        if answer is not None:
            operator = int(self._settings.operator_ids.partition(",")[0])
            thread = self._call("GET", f"/api/admin/threads/{person}", operator)
            seen = max(message["id"] for message in thread["messages"])
            body = {"action": "answer", "text": answer, "key": secrets.token_urlsafe(12), "seen": seen}
            self._call("POST", f"/api/admin/threads/{person}", operator, body)

    def _call(self, method: str, path: str, user_id: int, body: Mapping[str, Any] | None = None) -> Any:
        user = {"id": user_id, "first_name": self._names.get(user_id, "Оператор"), "language_code": "ru"}
        signed = signed_init_data(user, self._settings.bot_token, int(time.time()))
        content = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"tma {signed}", "content-type": "application/json"}
        text = self._send(urllib.request.Request(self._url + path, content, headers, method=method))
        return json.loads(text) if text else None

    def _post_form(self, path: str, **fields: object) -> None:
        self._send(urllib.request.Request(self._url + path, urlencode(fields).encode()))

    def _send(self, request: urllib.request.Request) -> bytes:
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            code = _code(error.read())
            raise DemoFailed(f"{request.method} {urlsplit(request.full_url).path}: {error.code} {code}.") from None
        except OSError:
            raise DemoFailed(
                f"No service answers at {self._url}: start it with make run, in another terminal."
            ) from None


def _code(content: bytes) -> str:
    """Return the code of an error response."""
    try:
        return str(json.loads(content)["code"])
    except (ValueError, KeyError, TypeError):
        return "without a code"


def main() -> int:
    """Fill the service, print what was made, and return the exit code."""
    try:
        settings = LocalSettings.read()
        if not settings.has_fake_telegram:
            raise DemoFailed("The bot writes to real people here, and the day is made up: unset TELEGRAM_API_URL.")
        demo = Demo(settings)
        demo.fill()
    except (SettingError, DemoFailed) as error:
        print(error, file=sys.stderr)
        return 1
    made = ", ".join(f"{number} {name}" for name, number in demo.done.items())
    print(f"Made {made}. See http://localhost:{settings.port}/ and http://localhost:{settings.port}/admin")
    return 0


if __name__ == "__main__":
    sys.exit(main())
