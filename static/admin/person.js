// A person: profile, ban, notes, and the newest of what they did. Shown for a reason that the audit log keeps.

import { useState } from "preact/hooks";
import { post } from "/admin/api.js";
import { columns as complaintColumns } from "/admin/complaints.js";
import { columns as reviewColumns } from "/admin/reviews.js";
import { STATUSES } from "/admin/order.js";
import { columns as paymentColumns } from "/admin/payments.js";
import { Action, Loaded, OrderLink, Pages, PersonLink, Table, Text, count, html, roubles, time } from "/admin/ui.js";

export const TYPES = { recharge: "Пополнение", order_take: "Отклик", refund: "Возврат", debt_repayment: "Погашение долга" };
const OUTCOMES = { over: "отправлено или уже не нужно", sending: "отправляется" };
const KINDS = {
  taken: "заказ взяли", asked: "напоминание ответить", answered: "клиент ответил", completed: "заказ выполнен",
  expired: "заказ истёк", closed: "закрыт без ответа", refunded: "возврат", removed: "снят оператором",
};
const BANS = [["", "без срока"], ["1", "на день"], ["7", "на неделю"], ["30", "на 30 дней"]];
const TAKE_PRICE = 2;
const DAY_MS = 86_400_000;

// The reason by person, until the tab is closed: an action reloads the page, which is no new look.
const reasons = new Map();

const LEDGER = [
  ["Когда", (entry) => time(entry.created_at)],
  ["Что", (entry) => TYPES[entry.type] ?? entry.type],
  ["Заказ", (entry) => entry.order_id && html`<${OrderLink} id=${entry.order_id} />`],
  ["Сумма", (entry) => roubles(entry.amount), "number"],
  ["Баланс после", (entry) => roubles(entry.balance_after), "number"],
];

const ORDERS = [
  ["Заказ", (order) => html`<${OrderLink} id=${order.id} />`],
  ["Состояние", (order) => `${STATUSES[order.status]}${order.removed ? ", снят оператором" : ""}`],
  ["Что и где", (order) => `${order.category}, ${order.city}`],
  ["Размещён", (order) => time(order.created_at)],
  ["Откликов", (order) => order.taken_by.length, "number"],
];

const MESSAGES = [
  ["Заказ", (message) => html`<${OrderLink} id=${message.order_id} />`],
  ["Сообщение", (message) => `${KINDS[message.kind] ?? message.kind}${message.number > 0 ? ` ${message.number}` : ""}`],
  ["Исход", (message) => OUTCOMES[message.outcome] ?? message.outcome],
];

const NOTES = [
  ["Когда", (note) => time(note.created_at)],
  ["Оператор", (note) => html`<${PersonLink} id=${note.operator_id} />`],
  ["Заметка", (note) => html`<${Text}>${note.text}<//>`],
];

/** What a ban does: the orders that an executor may still wait for are removed, and their takes refunded. */
function banEffect({ id, orders_posted: orders }) {
  const running = orders.filter(({ status, taken_by: takes, customer_responded_at: answered }) =>
    status === "active" || (status === "expired" && takes.length > 0 && !answered));
  const takes = running.reduce((sum, order) => sum + order.taken_by.length, 0);
  return `Человек ${id} сможет только смотреть; оплаченные контакты останутся. Снимется ${
    count(running.length, "идущий заказ", "идущих заказа", "идущих заказов")}, за ${
    count(takes, "отклик", "отклика", "откликов")} исполнителям вернётся ${roubles(takes * TAKE_PRICE)}.`;
}

const Ban = ({ person, done }) => html`
  <${Action}
    label=${person.ban ? "Изменить срок блокировки" : "Заблокировать"}
    effect=${banEffect(person)}
    run=${async ({ reason, days }) => {
      const until = days ? new Date(Date.now() + days * DAY_MS).toISOString() : null;
      const { removed_orders: removed } = await post(`users/${person.id}/ban`, { reason, until });
      return `Человек ${person.id} заблокирован. Снято: ${count(removed.length, "заказ", "заказа", "заказов")}.`;
    }}
    done=${done}
  >
    <label>Срок<select name="days">
      ${BANS.map(([days, title]) => html`<option value=${days}>${title}</option>`)}
    </select></label>
  <//>
`;

const Unban = ({ person, done }) => html`
  <${Action}
    label="Разблокировать"
    effect=${`Человек ${person.id} снова сможет всё. Снятые заказы останутся снятыми, деньги не изменятся: 0 ₽.`}
    run=${async ({ reason }) => {
      await post(`users/${person.id}/unban`, { reason });
      return `Человек ${person.id} разблокирован.`;
    }}
    done=${done}
  />
`;

const Note = ({ person, done }) => html`
  <${Action}
    label="Добавить заметку"
    effect="Заметку увидят только операторы и сам человек, если запросит свои данные. Деньги и люди не затронуты."
    reason=${false}
    run=${async ({ text }) => {
      await post(`users/${person.id}/notes`, { text });
      return "Заметка добавлена.";
    }}
    done=${done}
  >
    <label>Заметка<textarea name="text" rows="3" maxlength="1000" required autofocus></textarea></label>
  <//>
`;

function Profile({ person, done }) {
  const { ban } = person;
  const sections = [
    ["Заметки", NOTES, person.notes],
    ["Размещённые заказы", ORDERS, person.orders_posted],
    ["Взятые заказы", ORDERS, person.orders_taken],
    ["Жалобы этого человека", complaintColumns(done), person.complaints_by],
    ["Жалобы на этого человека", complaintColumns(done), person.complaints_about],
    ["Отзывы этого человека", reviewColumns(done), person.reviews_by],
    ["Отзывы об этом человеке", reviewColumns(done), person.reviews_about],
    ["Платежи", paymentColumns, person.payments],
    ["Счёт", LEDGER, person.transactions],
    ["Сообщения бота за два дня", MESSAGES, person.messages],
  ];
  return html`
    <dl>
      <dt>Имя</dt><dd><${Text}>${[person.first_name, person.last_name].filter(Boolean).join(" ")}<//>
        ${person.username && html` <${Text}>@${person.username}<//>`}</dd>
      <dt>Баланс</dt><dd>${roubles(person.balance)}${person.debt > 0 ? `, долг ${roubles(person.debt)}` : ""}</dd>
      <dt>Заказы</dt><dd>идут: ${person.active_orders}, выполнены: ${person.completed_orders}</dd>
      <dt>Рейтинг</dt><dd>${person.rating_count > 0
        ? `${person.rating} по ${count(person.rating_count, "отзыву", "отзывам", "отзывам")}` : "нет отзывов"}</dd>
      <dt>Уведомления</dt><dd>${person.notifications_enabled ? "включены" : "выключены"}${
        person.bot_can_write === false ? ", боту писать нельзя" : ""}</dd>
      <dt>Блокировка</dt><dd>${ban
        ? html`с ${time(ban.since)} ${ban.until ? `до ${time(ban.until)}` : "без срока"}: <${Text}>${ban.reason}<//>`
        : "нет"}</dd>
    </dl>
    <div class="actions">
      <${Ban} person=${person} done=${done} />
      ${ban && html`<${Unban} person=${person} done=${done} />`}
      <${Note} person=${person} done=${done} />
    </div>
    ${sections.map(([title, columns, rows]) => rows.length > 0 && html`
      <h2>${title}</h2>
      <${Table} columns=${columns} rows=${rows} />
    `)}
    ${person.offered_orders.length > 0 && html`<h2>Предложенные заказы</h2>
      <p>${person.offered_orders.map((id) => html`<${OrderLink} id=${id} /> `)}</p>`}
    <p><a href=${`#/people/${person.id}/ledger`}>Весь счёт</a> <a href=${`#/threads/${person.id}`}>Обращение в поддержку</a></p>
  `;
}

function Reason({ onGiven }) {
  const submit = (event) => {
    event.preventDefault();
    onGiven(new FormData(event.target).get("reason"));
  };
  return html`
    <p>Просмотр попадает в журнал. Напишите, зачем он нужен.</p>
    <form onSubmit=${submit}>
      <label>Причина просмотра<input name="reason" minlength="3" maxlength="500" required autofocus /></label>
      <button type="submit">Показать</button>
    </form>
  `;
}

export default function Person({ rest: [id, part] }) {
  const [reason, setReason] = useState(reasons.get(id));
  const path = `users/${encodeURIComponent(id)}`;
  if (!reason) {
    return html`<h1>Человек ${id}</h1>
      <${Reason} onGiven=${(given) => { reasons.set(id, given); setReason(given); }} />`;
  }
  if (part === "ledger") {
    return html`<h1>Счёт человека ${id}</h1>
      <p><a href=${`#/people/${id}`}>К человеку</a></p>
      <${Pages} path=${`${path}/ledger`} query=${{ reason }} name="transactions">
        ${(rows) => html`<${Table} columns=${LEDGER} rows=${rows} empty="Движений не было." />`}
      <//>`;
  }
  return html`<h1>Человек ${id}</h1>
    <${Loaded} path=${path} query=${{ reason }}>
      ${(person, reload) => html`<${Profile} person=${person} done=${reload} />`}
    <//>`;
}
