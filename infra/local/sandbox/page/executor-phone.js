// An executor's pages: the list of active orders, taken orders, and money.

import { useState } from "preact/hooks";
import { Order } from "/sandbox/order.js";
import { Act, Busy, Failure, Form, answer, html } from "/sandbox/ui.js";

export function Feed({ person, now }) {
  const { api, feed, own, reload } = person;
  if (!feed) return html`<${Busy} />`;
  if (feed.length === 0) return html`<p class="quiet">Заказов сейчас нет. Новый появится сам.</p>`;
  const taken = new Set(own?.orders.map((order) => order.id));
  const take = (id) => () => answer(api.POST("/api/orders/{id}/take", { params: { path: { id } } }));
  return feed.map((order) => html`<${Order} key=${order.id} order=${order} now=${now}>
    ${order.taken_by.some((each) => each.executor_id === person.id) || taken.has(order.id)
      ? html`<p class="quiet">Вы взяли этот заказ: контакт на вкладке «Мои».</p>`
      : html`<p class="quiet">Контакт увидит тот, кто заплатит.</p>
          <${Act} label="Взять за 2 ₽" run=${take(order.id)} done=${reload} />`}
  </${Order}>`);
}

export function TakenOrders({ person, now }) {
  const { own } = person;
  if (!own) return html`<${Busy} />`;
  if (own.orders.length === 0) return html`<p class="quiet">Вы ещё ничего не брали.</p>`;
  return own.orders.map((order) => html`<${Order} key=${order.id} order=${order} now=${now} />`);
}

const ENTRIES = { recharge: "Пополнение", order_take: "Заказ", refund: "Возврат", debt_repayment: "Погашение долга" };
const PROVIDERS = [["yookassa", "Карта"], ["crypto_pay", "Криптовалюта"], ["telegram_stars", "Звёзды Telegram"]];

const signed = (amount) => `${amount > 0 ? "+" : "−"}${Math.abs(amount)} ₽`;

export function Money({ person }) {
  const { api, own } = person;
  const [invoice, setInvoice] = useState(null);
  if (!own) return html`<${Busy} />`;
  const ask = async ({ amount, provider, receipt_contact: contact }) => {
    const body = { amount: Number(amount), provider, receipt_contact: contact || null };
    setInvoice({ amount, ...(await answer(api.POST("/api/balance/create-invoice", { body }))) });
  };
  return html`
    <p class="balance">${own.me.balance} ₽</p>
    ${invoice ? html`<${Invoice} person=${person} invoice=${invoice} done=${() => setInvoice(null)} />` : html`
      <${Form} label="Пополнить" run=${ask}>
        <label>Сумма, ₽ <input type="number" name="amount" defaultValue="100" min="1" max="100000" required /></label>
        <label>Способ <select name="provider">
          ${PROVIDERS.map(([name, title]) => html`<option value=${name}>${title}</option>`)}
        </select></label>
        <label>Почта для чека, если он нужен <input name="receipt_contact" type="email" /></label>
      </${Form}>`}
    <h3>Движения</h3>
    ${own.ledger.length === 0 && html`<p class="quiet">Движений ещё нет.</p>`}
    <ul class="ledger">${own.ledger.map((entry) => html`<li key=${entry.id}>
      ${ENTRIES[entry.type] ?? entry.type} <strong>${signed(entry.amount)}</strong> <span class="quiet">стало ${entry.balance_after} ₽</span>
    </li>`)}</ul>
  `;
}

/** An invoice, and the buttons of its page at the fake. The frame of the payment closes it. */
function Invoice({ person, invoice, done }) {
  const { api, id, paid, reload } = person;
  const url = new URL(invoice.pay_url);
  const [status, setStatus] = useState("pending");
  const press = (how) => async () => {
    await fetch(url.pathname, { method: "POST", body: new URLSearchParams({ how, payer: id }), redirect: "manual" });
    const path = { id: invoice.payment_id };
    const found = await answer(api.GET("/api/balance/payment/{id}/status", { params: { path } }));
    setStatus(found.status);
    reload();
  };
  if (paid === invoice.payment_id || status === "paid") return html`
    <p role="status">Оплачено: ${invoice.amount} ₽</p><button type="button" onClick=${done}>Готово</button>`;
  return html`<p>Счёт на ${invoice.amount} ₽ ждёт оплаты. Платёжная система - имитация, деньги не нужны.</p>
    ${status === "expired" && html`<${Failure} message="Счёт не оплачен, его срок истёк." />`}
    ${url.pathname.startsWith("/fakes/") && html`<${Act} label="Оплатить" run=${press("paid")} />`}
    <p><a href=${url.href} target="_blank" rel="noreferrer">Страница счёта</a></p>
    <button type="button" class="plain" onClick=${done}>Назад</button>`;
}
