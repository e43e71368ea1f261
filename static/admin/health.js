// The state of the service: queues, messages that gave up, alarms.

import { post } from "/admin/api.js";
import { Action, Loaded, Table, count, html, time } from "/admin/ui.js";

const STATES = { OK: "в порядке", ALARM: "тревога", INSUFFICIENT_DATA: "мало данных" };

const messages = (number) => count(number, "сообщение", "сообщения", "сообщений");

const Redrive = ({ letters, done }) => html`
  <${Action}
    label="Обработать снова"
    effect=${`${messages(letters.count)} людям бот отправит ещё раз, если они ещё нужны; доставленное не повторится. Деньги не изменятся: 0 ₽.`}
    run=${async ({ reason }) => {
      const { redriven, failed, left } = await post("redrive", { queue: letters.name, reason });
      return `Обработано: ${redriven}, снова не вышло: ${failed}, осталось: ${left}.`;
    }}
    done=${done}
  />
`;

const QUEUES = [
  ["Очередь", (queue) => queue.name],
  ["Ждут", (queue) => queue.waiting, "number"],
  ["В работе", (queue) => queue.in_flight, "number"],
  ["Старшему", (queue) => (queue.oldest_seconds === null ? "—" : `${Math.round(queue.oldest_seconds)} с`), "number"],
];

const DEAD = (done) => [
  ["Очередь", (letters) => letters.name],
  ["Не обработано", (letters) => html`<span class=${letters.count > 0 ? "late" : null}>${letters.count}</span>`, "number"],
  ["", (letters) => {
    // The messages of the other queues name functions to invoke and records to read, which the API may not do.
    if (!letters.redrivable) return html`Команда <code>make redrive</code>: <span class="quiet">${WITHOUT[letters.name]}</span>`;
    return letters.count > 0 && html`<div class="actions"><${Redrive} letters=${letters} done=${done} /></div>`;
  }],
];

/** What waits in the queues that a command redrives. */
const WITHOUT = {
  StreamDeadLetters: "изменения заказов; не позже чем через 23 часа после тревоги",
  TimerDeadLetters: "концы заказов и расписания; в любое время, 14 дней",
};

const ALARMS = [
  ["Тревога", (alarm) => alarm.name],
  ["Состояние", (alarm) => html`<span class=${alarm.state === "ALARM" ? "late" : null}>${STATES[alarm.state] ?? alarm.state}</span>`],
  ["С", (alarm) => time(alarm.since)],
];

const ORDER = ["ALARM", "INSUFFICIENT_DATA", "OK"];

export default () => html`
  <h1>Состояние сервиса</h1>
  <${Loaded} path="health">
    ${({ queues, dead_letters: letters, alarms }, reload) => html`
      <h2>Не обработанное</h2>
      <${Table} columns=${DEAD(reload)} rows=${letters} empty="Таких очередей нет." />
      <h2>Очереди</h2>
      <${Table} columns=${QUEUES} rows=${queues} empty="Очередей нет." />
      <h2>Тревоги</h2>
      <${Table} columns=${ALARMS} rows=${[...alarms].sort((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state))}
        empty="Тревог не настроено." />
      <div class="actions"><button type="button" class="plain" onClick=${reload}>Обновить</button></div>
    `}
  <//>
`;
