// The client's pages: own orders with what can be done to each, and a new order.

import { useState } from "preact/hooks";
import { Order, isActive } from "/sandbox/order.js";
import { Act, Busy, Form, answer, html } from "/sandbox/ui.js";

const CATEGORIES = [
  "Сантехника", "Электрика", "Бытовой ремонт", "Клининг", "Сборка/установка", "Бытовая техника", "Другое",
];

/** A phone that no order has: a contact may have one active order. */
const newContact = () => `+7 9${Math.random().toString().slice(2, 11)}`;

export function OwnOrders({ person, names, now }) {
  const { own } = person;
  if (!own) return html`<${Busy} />`;
  if (own.orders.length === 0) return html`<p class="quiet">Заказов ещё нет. Создайте первый на вкладке «Новый».</p>`;
  return own.orders.map((order) => html`<${Order} key=${order.id} order=${order} now=${now}>
    ${order.taken_by.length > 0 && html`<p class="quiet">
      Взяли: ${order.taken_by.map((take) => names[take.executor_id] ?? take.executor_id).join(", ")}
    </p>`}
    <${Actions} person=${person} order=${order} now=${now} />
    ${isReviewable(order) && html`<${Review} person=${person} order=${order} names=${names} />`}
  </${Order}>`);
}

const isReviewable = (order) =>
  ["completed", "expired"].includes(order.status) && order.taken_by.length > 0 && order.rating === null;

function Actions({ person, order, now }) {
  const { api, reload } = person;
  const act = (path) => () => answer(api.POST(path, { params: { path: { id: order.id } } }));
  const remove = () => answer(api.DELETE("/api/orders/{id}", { params: { path: { id: order.id } } }));
  if (order.taken_by.length === 0) return isActive(order, now) && html`<${Act} label="Удалить" run=${remove} done=${reload} />`;
  if (order.status === "expired" && !order.customer_responded_at)
    return html`<${Act} label="Я ответил" run=${act("/api/orders/{id}/respond")} done=${reload} />`;
  if (!isActive(order, now)) return null;
  return html`<div class="actions">
    ${!order.customer_responded_at && html`<${Act} label="Я ответил" run=${act("/api/orders/{id}/respond")} done=${reload} />`}
    <${Act} label="Выполнено" run=${act("/api/orders/{id}/complete")} done=${reload} />
    <${Act} label="Закрыть" run=${act("/api/orders/{id}/close")} done=${reload} />
  </div>`;
}

function Review({ person, order, names }) {
  const send = async ({ executor, rating, comment }) => {
    const body = { order_id: order.id, executor_id: Number(executor), rating: Number(rating), comment: comment || null };
    await answer(person.api.POST("/api/reviews/client", { body }));
    await person.reload();
  };
  return html`<${Form} label="Оставить отзыв" run=${send}>
    <label>Кому <select name="executor">
      ${order.taken_by.map(({ executor_id: id }) => html`<option value=${id}>${names[id] ?? id}</option>`)}
    </select></label>
    <label>Оценка <select name="rating">
      ${[5, 4, 3, 2, 1].map((rating) => html`<option value=${rating}>${rating}</option>`)}
    </select></label>
    <label>Отзыв <input name="comment" maxlength="500" /></label>
  </${Form}>`;
}

export function NewOrder({ person, done }) {
  const [contact] = useState(newContact);
  const post = async (body) => {
    await answer(person.api.POST("/api/orders", { body }));
    done();
    await person.reload();
  };
  return html`<${Form} label="Разместить" run=${post}>
    <label>Категория <select name="category">${CATEGORIES.map((name) => html`<option>${name}</option>`)}</select></label>
    <label>Город <input name="city" defaultValue="Казань" required /></label>
    <label>Что случилось
      <textarea name="description" rows="3" minlength="20" maxlength="1000" required>Прорвало трубу на кухне, вода на полу</textarea>
    </label>
    <label>Контакт <input name="contact" defaultValue=${contact} required /></label>
  </${Form}>`;
}
