// An order: the timeline of its life, its takes with their money, the complaints about it. Never its contact.

import { post } from "/admin/api.js";
import { Handle } from "/admin/complaints.js";
import { Action, Loaded, PersonLink, Table, Text, count, html, roubles, time } from "/admin/ui.js";

export const STATUSES = {
  active: "Активен",
  expired: "Истёк",
  deleted: "Удалён",
  closed_no_response: "Закрыт без ответа",
  completed: "Выполнен",
};

const executors = (number) => count(number, "исполнителю", "исполнителям", "исполнителям");

/** What a removal does, as `removed` in shared/domain/order.py decides it. */
function removal(order) {
  if (!["active", "expired"].includes(order.status)) {
    return "Заказ уже завершён: он будет скрыт от посторонних, его отзыв уйдёт из общего списка. Деньги не изменятся, никто возврата не получит.";
  }
  const paid = order.takes.filter((take) => !take.refunded);
  const sum = paid.reduce((total, take) => total + take.price, 0);
  return `Заказ снимется с показа, контакт клиента освободится. ${paid.length
    ? `${executors(paid.length)} вернутся деньги, всего ${roubles(sum)}.`
    : "Возвращать деньги некому: 0 ₽."}`;
}

const Remove = ({ order, reload }) => html`
  <${Action}
    label="Снять заказ"
    effect=${removal(order)}
    run=${async ({ reason }) => {
      await post(`orders/${order.id}/remove`, { reason });
      return `Заказ ${order.id} снят.`;
    }}
    done=${reload}
  />
`;

const Refund = ({ order, take, reload }) => html`
  <${Action}
    label="Вернуть деньги"
    effect=${`Исполнителю ${take.executor_id} вернётся ${roubles(take.price)} за этот отклик. Заказ и другие исполнители не затронуты.`}
    run=${async ({ reason }) => {
      const { amount } = await post(`orders/${order.id}/refund`, { executor_id: take.executor_id, reason });
      return `Исполнителю ${take.executor_id} возвращено ${roubles(amount)}.`;
    }}
    done=${reload}
  />
`;

/** The events of the order's life, the oldest first. */
function life(order) {
  const events = [
    [order.created_at, "Размещён клиентом"],
    ...order.takes.map((take) => [take.taken_at, `Взят исполнителем ${take.executor_id}`]),
    [order.customer_responded_at, "Клиент ответил"],
    [order.ended_at, `Завершён: ${STATUSES[order.status].toLowerCase()}`],
    ...order.complaints.map((complaint) => [complaint.created_at, `Жалоба исполнителя ${complaint.executor_id}`]),
    ...order.complaints.map((complaint) => [complaint.handled_at, `Жалоба исполнителя ${complaint.executor_id} закрыта`]),
    [order.removed_at, "Снят оператором"],
  ];
  return events.filter(([at]) => at).sort(([one], [other]) => one.localeCompare(other));
}

function Order({ order, reload }) {
  const takes = [
    ["Исполнитель", (take) => html`<${PersonLink} id=${take.executor_id} />`],
    ["Взял", (take) => time(take.taken_at)],
    ["Заплатил", (take) => roubles(take.price), "number"],
    ["Возврат", (take) => (take.refunded ? "возвращено" : "нет")],
    ["", (take) => !take.refunded && html`<div class="actions">
      <${Refund} order=${order} take=${take} reload=${reload} /></div>`],
  ];
  const complaints = [
    ["Жалоба", (complaint) => html`<strong>${complaint.complaint}</strong>
      ${complaint.comment && html`<br /><${Text}>${complaint.comment}<//>`}`],
    ["Исполнитель", (complaint) => html`<${PersonLink} id=${complaint.executor_id} />`],
    ["Закрыта", (complaint) => time(complaint.handled_at)],
    ["", (complaint) => !complaint.handled_at && html`<div class="actions">
      <${Handle} complaint=${complaint} reload=${reload} /></div>`],
  ];
  return html`
    <h1>Заказ ${order.id}</h1>
    <dl>
      <dt>Состояние</dt><dd>${STATUSES[order.status]}${order.removed_at ? ", снят оператором" : ""}</dd>
      <dt>Клиент</dt><dd><${PersonLink} id=${order.client_id} /></dd>
      <dt>Что и где</dt><dd>${order.category}, ${order.city}</dd>
      <dt>Описание</dt><dd><${Text}>${order.description}<//></dd>
      ${order.rating && html`<dt>Отзыв</dt><dd>${order.rating} из 5 <${Text}>${order.review_comment}<//></dd>`}
    </dl>
    ${!order.removed_at && html`<div class="actions"><${Remove} order=${order} reload=${reload} /></div>`}
    <h2>Жизнь заказа</h2>
    <ol>${life(order).map(([at, what]) => html`<li><time datetime=${at}>${time(at)}</time> — ${what}</li>`)}</ol>
    <h2>Отклики</h2>
    <${Table} columns=${takes} rows=${order.takes} empty="Заказ никто не взял." />
    <h2>Жалобы</h2>
    <${Table} columns=${complaints} rows=${order.complaints} empty="Жалоб на заказ нет." />
  `;
}

export default ({ rest: [id] }) => html`
  <${Loaded} path=${`orders/${encodeURIComponent(id)}`}>
    ${(order, reload) => html`<${Order} order=${order} reload=${reload} />`}
  <//>
`;
