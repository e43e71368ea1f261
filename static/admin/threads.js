// Support: what people wrote to the bot, the longest wait first, and the operators' answers.

import { useEffect, useRef, useState } from "preact/hooks";
import { file, post } from "/admin/api.js";
import { STATUSES } from "/admin/order.js";
import { TYPES } from "/admin/person.js";
import { Action, Failure, OrderLink, Pages, PersonLink, Table, Text, ago, announce, html, roubles, time } from "/admin/ui.js";

const STATES = [["waiting", "Ждут ответа"], ["answered", "Отвеченные"], ["closed", "Закрытые"]];
const UNREACHABLE = "закрыл чат с ботом: ответ не дойдёт";
const OUTCOMES = {
  queued: "отправляется", arrived: "доставлено", unreachable: "не доставлено: человек закрыл чат с ботом",
  refused: "не доставлено: Telegram отказал", in_doubt: "возможно, не доставлено", late: "не доставлено вовремя",
};
const FAILED = ["unreachable", "refused", "in_doubt", "late"];
const MAX_ANSWER = 2000;

const COLUMNS = [
  ["Ждёт", (thread) => (thread.waiting_since ? ago(thread.waiting_since) : "—")],
  ["Обращение", (thread) => html`<a href=${`#/threads/${thread.user_id}`}>открыть</a>`],
  ["Человек", (thread) => html`<${PersonLink} id=${thread.user_id} /> <${Text}>${thread.first_name} ${thread.last_name}<//>
    ${!thread.is_reachable && html`<br /><span class="late">${UNREACHABLE}</span>`}`],
  ["Последнее сообщение", (thread) => time(thread.last_message_at)],
  ["Оператор", (thread) => thread.operator_id && html`<${PersonLink} id=${thread.operator_id} />`],
];

/** A photo is loaded when an operator asks for it: each look is in the audit log. */
function Photo({ path }) {
  const [address, setAddress] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => () => { if (address) URL.revokeObjectURL(address); }, [address]);
  const show = () => file(path.replace("/api/admin/", "")).then(setAddress, setError);
  if (address) return html`<img src=${address} alt="Фото из обращения" />`;
  return html`
    ${error && html`<${Failure} error=${error} />`}
    <div class="actions"><button type="button" class="plain" onClick=${show}>Показать фото</button></div>
  `;
}

const Message = ({ message }) => html`<li>
  <p class="quiet">${message.author === "person" ? "Человек" : html`Оператор <${PersonLink} id=${message.operator_id} />`},
    ${" "}${time(message.created_at)}${message.edited_at && ", изменено"}${message.is_forwarded && ", переслано"}
    ${message.outcome && html`, <span class=${FAILED.includes(message.outcome) ? "late" : null}>${OUTCOMES[message.outcome]}</span>`}</p>
  <${Text}>${message.text}<//>
  ${message.photo && html`<${Photo} path=${message.photo} />`}
</li>`;

function Answer({ id, seen, done }) {
  // A repeated request has the key of the first one, so it sends nothing twice. Another text has another key.
  const sent = useRef({});
  const [error, setError] = useState(null);
  const [isRunning, setRunning] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    if (isRunning) return;
    const form = event.target;
    const text = new FormData(form).get("text");
    if (sent.current.text !== text) sent.current = { text, key: crypto.randomUUID() };
    setRunning(true);
    setError(null);
    try {
      await post(`threads/${id}`, { action: "answer", text, key: sent.current.key, seen });
      sent.current = {};
      form.reset();
      announce("Ответ принят: бот передаст его человеку. «Обновить» покажет, дошёл ли он.");
      done();
    } catch (refusal) {
      setError(refusal);
    }
    setRunning(false);
  };
  return html`<form onSubmit=${submit}>
    <label>Ответ: его увидит один человек, от имени бота. Деньги не изменятся: 0 ₽.
      <textarea name="text" rows="3" maxlength=${MAX_ANSWER} required></textarea></label>
    <button type="submit" aria-busy=${isRunning ? "true" : null} disabled=${isRunning}>Ответить</button>
    ${error && html`<${Failure} error=${error} />`}
  </form>`;
}

/** The newest of what the person did, beside what they write. */
function Recent({ person }) {
  const lists = [
    ["Заказы", person.orders, (order) => html`<${OrderLink} id=${order.id} /> ${time(order.created_at)}: ${order.category},
      ${" "}${order.city}. ${STATUSES[order.status]}${order.removed_at && ", снят оператором"}`],
    ["Отклики", person.taken_orders, (id) => html`<${OrderLink} id=${id} />`],
    ["Жалобы", person.complaints, (complaint) => html`<${OrderLink} id=${complaint.order_id} /> ${time(complaint.created_at)}:
      ${" "}${complaint.complaint}, ${complaint.handled_at ? "закрыта" : "ждёт"}`],
    ["Деньги", person.transactions, (entry) => html`${time(entry.created_at)}: ${TYPES[entry.type]} ${roubles(entry.amount)}`],
  ];
  return html`<aside>${lists.map(([title, rows, shown]) => html`
    <h2>${title}</h2>
    ${rows.length > 0
      ? html`<ul>${rows.map((row) => html`<li>${shown(row)}</li>`)}</ul>`
      : html`<p class="quiet">Пусто.</p>`}`)}
  </aside>`;
}

function Thread({ thread, messages, person, done }) {
  const seen = messages[0]?.id ?? 0;
  const act = (label, effect, body, report) => html`
    <${Action} label=${label} effect=${effect} reason=${false} done=${done}
      run=${async () => { await post(`threads/${thread.user_id}`, body); return report; }} />`;
  return html`
    <dl>
      <dt>Человек</dt><dd><${PersonLink} id=${thread.user_id} /> <${Text}>${thread.first_name} ${thread.last_name}<//>
        ${!thread.is_reachable && html` <span class="late">${UNREACHABLE}</span>`}</dd>
      <dt>Состояние</dt><dd>${thread.waiting_since ? `ждёт ${ago(thread.waiting_since)}`
        : thread.closed_at ? `закрыто ${time(thread.closed_at)}` : "есть ответ"}</dd>
      <dt>Оператор</dt><dd>${thread.operator_id ? html`<${PersonLink} id=${thread.operator_id} />` : "никто"}</dd>
    </dl>
    <div class="actions">
      ${act("Взять себе", "Оператором обращения станете вы. Человек ничего не получит: 0 ₽.", { action: "take" },
        "Обращение у вас.")}
      ${thread.state !== "closed" && act("Закрыть обращение",
        "Обращение уйдёт из очереди; новое сообщение откроет его снова. Человек ничего не получит: 0 ₽.",
        { action: "close", seen }, "Обращение закрыто.")}
      <button type="button" class="plain" onClick=${done}>Обновить</button>
    </div>
    <div class="beside">
      <section>
        <ol class="messages">${[...messages].reverse().map((message) => html`<${Message} key=${message.id} message=${message} />`)}</ol>
        <${Answer} id=${thread.user_id} seen=${seen} done=${done} />
      </section>
      <${Recent} person=${person} />
    </div>
  `;
}

export default function Threads({ rest: [which = "waiting"] }) {
  if (/^\d+$/.test(which)) {
    return html`<h1>Обращение ${which}</h1>
      <${Pages} path=${`threads/${which}`} name="messages">
        ${(messages, reload, { thread, person }) => html`
          <${Thread} thread=${thread} messages=${messages} person=${person} done=${reload} />`}
      <//>`;
  }
  return html`
    <h1>Обращения</h1>
    <p>${STATES.map(([state, title]) => html`
      <a href=${`#/threads/${state}`} aria-current=${state === which ? "page" : null}>${title}</a> `)}</p>
    <${Pages} path="threads" query=${{ state: which }} name="threads">
      ${(rows) => html`<${Table} columns=${COLUMNS} rows=${rows} empty="Таких обращений нет." />`}
    <//>
  `;
}
