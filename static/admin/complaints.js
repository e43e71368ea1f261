// The queue of complaints: the one that waits longest comes first.

import { post } from "/admin/api.js";
import { Action, OrderLink, Pages, PersonLink, Table, Text, ago, html, time } from "/admin/ui.js";

const LATE_HOURS = 24;

const Waiting = ({ since }) => {
  const isLate = Date.now() - new Date(since) > LATE_HOURS * 3_600_000;
  return html`<span class=${isLate ? "late" : null}>${ago(since)}</span>`;
};

export const Handle = ({ complaint, reload }) => html`
  <${Action}
    label="Закрыть жалобу"
    effect="Жалоба уйдёт из очереди. Деньги и люди не затронуты: возврат, снятие заказа и блокировка — отдельные действия."
    run=${async ({ reason }) => {
      await post("complaints/handle", { order_id: complaint.order_id, executor_id: complaint.executor_id, reason });
      return `Жалоба на заказ ${complaint.order_id} закрыта.`;
    }}
    done=${reload}
  />
`;

const COLUMNS = [
  ["Жалоба", (complaint) => html`<strong>${complaint.complaint}</strong>
    ${complaint.comment && html`<br /><${Text}>${complaint.comment}<//>`}`],
  ["Заказ", (complaint) => html`<${OrderLink} id=${complaint.order_id} />`],
  ["Исполнитель", (complaint) => html`<${PersonLink} id=${complaint.executor_id} />`],
  ["Клиент", (complaint) => html`<${PersonLink} id=${complaint.client_id} />`],
];

/** The columns of a table of complaints of both kinds, for a person's page. */
export const columns = (reload) => [
  ["Когда", (complaint) => time(complaint.created_at)],
  ...COLUMNS,
  ["Закрыта", (complaint) => (complaint.handled_at ? time(complaint.handled_at) : html`
    <div class="actions"><${Handle} complaint=${complaint} reload=${reload} /></div>`)],
];

export default function Complaints({ rest: [which] }) {
  const isHandled = which === "handled";
  const shown = (reload) => isHandled
    ? [["Закрыта", (complaint) => time(complaint.handled_at)], ...COLUMNS]
    : [
      ["Ждёт", (complaint) => html`<${Waiting} since=${complaint.created_at} />`],
      ...COLUMNS,
      ["", (complaint) => html`<div class="actions"><${Handle} complaint=${complaint} reload=${reload} /></div>`],
    ];
  return html`
    <h1>${isHandled ? "Закрытые жалобы" : "Жалобы"}</h1>
    <p>${isHandled
      ? html`<a href="#/complaints">Открытые жалобы</a>`
      : html`<a href="#/complaints/handled">Закрытые жалобы</a>`}</p>
    <${Pages} path="complaints" query=${{ handled: isHandled }} name="complaints">
      ${(rows, reload) => html`<${Table} columns=${shown(reload)} rows=${rows} empty=${isHandled
        ? "Закрытых жалоб нет." : "Открытых жалоб нет."} />`}
    <//>
  `;
}
