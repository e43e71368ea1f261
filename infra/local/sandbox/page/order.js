// An order as every phone shows it.

import { Text, html } from "/sandbox/ui.js";

const SLOTS = 3;

export const endsAt = (order) => Date.parse(order.created_at) + order.expires_in_minutes * 60_000;

/** Whether the order is active by the clock of this page: the frame for its end may be late. */
export const isActive = (order, now) => order.status === "active" && endsAt(order) > now;

/** `12:34`: what is left until a time in ms. */
function left(until, now) {
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** What became of an order, in a few words. */
function state(order, now) {
  if (order.removed) return "Снят оператором";
  if (isActive(order, now)) return `Осталось ${left(endsAt(order), now)}`;
  switch (order.status) {
    case "completed": return "Выполнен";
    case "deleted": return "Удалён";
    case "closed_no_response": return order.customer_responded_at ? "Закрыт" : "Закрыт без ответа, деньги вернулись";
    default: return "Время вышло";
  }
}

export function Order({ order, now, children }) {
  const taken = order.taken_by.length;
  return html`<article aria-label=${order.description}>
    <header>
      <strong>${order.category}</strong> <span class="quiet">${order.city}</span>
      <span class="slots" role="img" aria-label=${`Мест занято: ${taken} из ${SLOTS}`}>
        ${"●".repeat(taken)}${"○".repeat(SLOTS - taken)}
      </span>
    </header>
    <p><${Text}>${order.description}</${Text}></p>
    <p class="quiet">${state(order, now)}${order.customer_responded_at ? " · клиент ответил" : ""}</p>
    ${order.contact && html`<p class="contact">Контакт: <${Text}>${order.contact}</${Text}></p>`}
    ${order.rating && html`<p>Отзыв: ${"★".repeat(order.rating)} ${order.review_comment && html`<${Text}>${order.review_comment}</${Text}>`}</p>`}
    ${children}
  </article>`;
}
