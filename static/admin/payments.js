// Payments: find one, refund it; refunds that wait for a second operator.

import { useState } from "preact/hooks";
import { post } from "/admin/api.js";
import { Action, Loaded, PaymentLink, PersonLink, Table, Text, html, roubles, time } from "/admin/ui.js";

const STATES = { pending: "ждёт оплаты", paid: "оплачен", expired: "истёк", refunded: "возвращён" };
export const PROVIDERS = { crypto_pay: "Crypto Pay", telegram_stars: "Telegram Stars", yookassa: "ЮKassa" };

const RESULTS = {
  none: "Возвращать нечего.",
  succeeded: "Деньги возвращены.",
  pending: "Возврат отправлен, провайдер ещё не подтвердил. Откройте платёж позже.",
  refused: "Провайдер отказал в возврате.",
  waiting: "Сумма больше дневной: возврат ждёт второго оператора. Деньги пока не возвращены.",
};

/** The columns of a table of payments, for a person's page. */
export const columns = [
  ["Платёж", (payment) => html`<${PaymentLink} id=${payment.payment_id} />`],
  ["Когда", (payment) => time(payment.created_at)],
  ["Сумма", (payment) => roubles(payment.amount), "number"],
  ["Состояние", (payment) => STATES[payment.status]],
  ["Долг", (payment) => (payment.debt > 0 ? roubles(payment.debt) : ""), "number"],
];

/** The sentence for the answer to a refund or an approval. */
const result = ({ refund, provider_reason: said }) => `${RESULTS[refund]}${said ? ` Провайдер: ${said}` : ""}`;

const effect = (id, amount) => `Провайдер вернёт человеку ${id} ${roubles(amount)}. Эта сумма спишется с баланса; чего на нём не хватит, станет долгом.`;

const Refund = ({ payment, done }) => html`
  <${Action}
    label="Вернуть платёж"
    effect=${`${effect(payment.user_id, payment.amount)} Если за день сумма больше вашей, возврат подождёт второго оператора.`}
    run=${async ({ reason }) => result(await post(`payments/${payment.payment_id}/refund`, { reason }))}
    done=${done}
  />
`;

/** The two buttons of a refund that waits. */
const Decide = ({ request, done }) => html`
  <div class="actions">
    <${Action}
      label="Одобрить возврат"
      effect=${effect(request.user_id, request.amount)}
      run=${async ({ reason }) => result(await post(`refunds/${request.payment_id}/approve`, { reason }))}
      done=${done}
    />
    <${Action}
      label="Отозвать возврат"
      effect=${`Запрос уйдёт из очереди. Человек ${request.user_id} ничего не получит: 0 ₽.`}
      run=${async ({ reason }) => {
        await post(`refunds/${request.payment_id}/withdraw`, { reason });
        return "Запрос отозван.";
      }}
      done=${done}
    />
  </div>
`;

const waits = ({ may_approve_at: from }) => (from ? `сам запросивший — с ${time(from)}` : "другого оператора");

const REQUESTS = (done) => [
  ["Запрошен", (request) => time(request.created_at)],
  ["Платёж", (request) => html`<${PaymentLink} id=${request.payment_id} />`],
  ["Человек", (request) => html`<${PersonLink} id=${request.user_id} />`],
  ["Сумма", (request) => roubles(request.amount), "number"],
  ["Запросил", (request) => html`<${PersonLink} id=${request.operator_id} />`],
  ["Причина", (request) => html`<${Text}>${request.reason}<//>`],
  ["Ждёт", waits],
  ["", (request) => html`<${Decide} request=${request} done=${done} />`],
];

const Payment = ({ payment, done }) => html`
  <dl>
    <dt>Человек</dt><dd><${PersonLink} id=${payment.user_id} /></dd>
    <dt>Сумма</dt><dd>${roubles(payment.amount)}, ${PROVIDERS[payment.provider] ?? payment.provider}</dd>
    <dt>Состояние</dt><dd>${STATES[payment.status]}</dd>
    <dt>Создан</dt><dd>${time(payment.created_at)}</dd>
    <dt>Оплачен</dt><dd>${time(payment.paid_at)}</dd>
    ${payment.debt > 0 && html`<dt>Долг</dt><dd>${roubles(payment.debt)}</dd>`}
  </dl>
  ${payment.request
    ? html`<h2>Возврат ждёт</h2><${Table} columns=${REQUESTS(done)} rows=${[payment.request]} />`
    : payment.status === "paid" && html`<div class="actions"><${Refund} payment=${payment} done=${done} /></div>`}
`;

function Find() {
  const [isWrong, setWrong] = useState(false);
  const submit = (event) => {
    event.preventDefault();
    const typed = new FormData(event.target).get("payment").trim();
    setWrong(!/^\d+$/.test(typed));
    if (/^\d+$/.test(typed)) location.hash = `#/payments/${typed}`;
  };
  return html`<form onSubmit=${submit}>
    <label>Номер платежа<input name="payment" inputmode="numeric" required aria-invalid=${isWrong ? "true" : null} /></label>
    <button type="submit">Найти</button>
  </form>`;
}

export default function Payments({ rest: [id] }) {
  if (id) {
    return html`<h1>Платёж ${id}</h1>
      <${Loaded} path=${`payments/${encodeURIComponent(id)}`}>
        ${(payment, reload) => html`<${Payment} payment=${payment} done=${reload} />`}
      <//>`;
  }
  return html`
    <h1>Платежи</h1>
    <${Find} />
    <h2>Возвраты, которые ждут</h2>
    <${Loaded} path="refunds">
      ${({ refunds, spent_today: spent, limit }, reload) => html`
        <p>Сегодня вы вернули ${roubles(spent)} из ${roubles(limit)}, которые можно вернуть без второго оператора.</p>
        <${Table} columns=${REQUESTS(reload)} rows=${refunds} empty="Ни один возврат не ждёт." />
      `}
    <//>
  `;
}
