// The sandbox: the phones of a client and of executors, the links, and the switch of the clock.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Chat, useChat } from "/sandbox/chat.js";
import { NewOrder, OwnOrders } from "/sandbox/client-phone.js";
import { Feed, Money, TakenOrders } from "/sandbox/executor-phone.js";
import { usePerson } from "/sandbox/person.js";
import { Busy, Failure, html, useNow } from "/sandbox/ui.js";

const ROLES = { client: "клиент", executor: "исполнитель" };
const TABS = {
  client: [["orders", "Заказы"], ["new", "Новый"], ["bot", "Бот"]],
  executor: [["feed", "Лента"], ["taken", "Мои"], ["money", "Деньги"], ["bot", "Бот"]],
};
// A client and three executors; the last one comes when there is no slot left.
const AT_FIRST = 4;

async function call(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new Error("Нет связи с сервисом. Он запущен?");
  }
  if (!response.ok) throw new Error("Песочница не ответила. Повторите.");
  return response.json();
}

function Phone({ given, names, isChosen, isRead }) {
  const person = usePerson(given);
  const chat = useChat(given.id);
  const now = useNow();
  const tabs = TABS[given.role];
  const [tab, setTab] = useState(tabs[0][0]);
  const pages = {
    orders: () => html`<${OwnOrders} person=${person} names=${names} now=${now} />`,
    new: () => html`<${NewOrder} person=${person} done=${() => setTab("orders")} />`,
    feed: () => html`<${Feed} person=${person} now=${now} />`,
    taken: () => html`<${TakenOrders} person=${person} now=${now} />`,
    money: () => html`<${Money} person=${person} />`,
    bot: () => html`<${Chat} person=${person} chat=${chat} open=${() => setTab(tabs[0][0])} />`,
  };
  const said = chat.messages?.filter((message) => message.id !== null).length;
  const { own, error } = person;
  useEffect(() => { if (own || error) isRead(); }, [own !== null, error]);
  return html`<section class=${isChosen ? "phone chosen" : "phone"} aria-label=${given.name}>
    <header>
      <h2>${given.name} <span class="quiet">${ROLES[given.role]}</span></h2>
      <p class="quiet">${own ? html`${given.role === "executor" && html`<span class="purse">${own.me.balance} ₽</span> · `}
        выполнено ${own.me.completed_orders} · рейтинг ${own.me.rating || "—"}` : "…"}</p>
    </header>
    <nav aria-label="Вкладки">${tabs.map(([name, title]) => html`
      <button type="button" aria-current=${name === tab ? "page" : null} onClick=${() => setTab(name)}>
        ${title}${name === "bot" && said ? ` ${said}` : ""}
      </button>`)}</nav>
    <div class="screen">
      ${error && html`<${Failure} message=${error} retry=${person.reload} />`}
      ${pages[tab]()}
    </div>
  </section>`;
}

/** The switch: it changes what the next orders get. */
function Clock() {
  const [isShort, setShort] = useState(null);
  const [error, setError] = useState(null);
  const load = (options) => {
    setError(null);
    return call("/sandbox/clock", options).then((found) => setShort(found.is_short), (failure) => setError(failure.message));
  };
  useEffect(() => { load(); }, []);
  const turn = (event) => {
    const body = JSON.stringify({ is_short: event.target.checked });
    setShort(null);
    load({ method: "PUT", headers: { "content-type": "application/json" }, body });
  };
  if (error) return html`<${Failure} message=${error} retry=${() => load()} />`;
  return html`<label aria-busy=${isShort === null ? "true" : null}>
    <input type="checkbox" role="switch" checked=${isShort === true} disabled=${isShort === null} onChange=${turn} />
    Быстрое время для новых заказов: час - минута, 15 минут на ответ - 15 секунд
  </label>`;
}

function App() {
  const [people, setPeople] = useState(null);
  const [error, setError] = useState(null);
  const [shown, setShown] = useState(AT_FIRST);
  const [chosen, choose] = useState(0);
  // One phone after the other: at once, each would wait for Lambda processes of its own.
  const [read, setRead] = useState(0);
  const load = () => {
    setError(null);
    call("/sandbox/people").then((found) => setPeople(found.people), (failure) => setError(failure.message));
  };
  useEffect(load, []);
  const names = Object.fromEntries((people ?? []).map(({ id, name }) => [id, name]));
  const here = (people ?? []).slice(0, shown);
  return html`
    <header>
      <h1>Срочные услуги: песочница</h1>
      <p>Клиент размещает заказ, исполнители платят 2 ₽ за контакт. Люди, Telegram и платёжные системы ненастоящие.</p>
      <${Clock} />
      <p class="links">
        <a href="/docs">API</a> <a href="/admin">Панель оператора</a> <a href="/fakes/telegram/">Чаты бота</a>
        <a href="/fakes/yookassa/">ЮKassa</a> <a href="/fakes/crypto-pay/">Crypto Pay</a> <a href="/fakes/telegram/stars">Звёзды</a>
      </p>
    </header>
    <main>
      ${error && html`<${Failure} message=${error} retry=${load} />`}
      ${!people && !error && html`<${Busy} />`}
      <nav class="people" aria-label="Телефоны">${here.map(({ id, name }, number) => html`
        <button type="button" key=${id} aria-current=${number === chosen ? "page" : null} onClick=${() => choose(number)}>${name}</button>`)}
      </nav>
      <div class="phones">${here.slice(0, read + 1).map((person, number) => html`
        <${Phone} key=${person.id} given=${person} names=${names} isChosen=${number === chosen}
          isRead=${() => setRead((known) => Math.max(known, number + 1))} />`)}
      </div>
      ${people && shown < people.length && html`
        <button type="button" onClick=${() => { choose(shown); setShown(people.length); }}>Позвать четвёртого исполнителя</button>`}
    </main>
  `;
}

render(html`<${App} />`, document.body);
