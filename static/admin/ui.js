// What pages are built of. A user's text becomes a text node and nothing else: no HTML, no link.

import { h } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import htm from "htm";
import { get } from "/admin/api.js";

export const html = htm.bind(h);

// ---------------------------------------------------------------- words and numbers

// Controls that change the direction of the text around them.
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const TIME = new Intl.DateTimeFormat("ru", {
  timeZone: "Europe/Moscow", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
});
const RULES = new Intl.PluralRules("ru");

/** A time of the API, in Moscow; a dash for none. */
export const time = (iso) => (iso ? TIME.format(new Date(iso)) : "—");

/** `1 заказ`, `2 заказа`, `5 заказов`. */
export const count = (number, one, few, many) => `${number} ${{ one, few }[RULES.select(number)] ?? many}`;

export const roubles = (amount) => `${amount.toLocaleString("ru")} ₽`;

/** How long ago a time of the API was: `3 ч 20 мин`. */
export function ago(iso) {
  const minutes = Math.max(0, Math.floor((Date.now() - new Date(iso)) / 60_000));
  if (minutes < 60) return `${minutes} мин`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} ч ${minutes % 60} мин`;
  return count(Math.floor(minutes / 1440), "день", "дня", "дней");
}

/** A user's text, isolated from the text around it. */
export const Text = ({ children }) => {
  const text = [children].flat().join("").replace(BIDI, "");
  return html`<bdi class="text" tabindex=${text.length > 500 ? 0 : null}>${text}</bdi>`;
};

// ---------------------------------------------------------------- links

export const OrderLink = ({ id }) => html`<a href=${`#/orders/${encodeURIComponent(id)}`}>${id}</a>`;
export const PersonLink = ({ id }) => html`<a href=${`#/people/${id}`}>${id}</a>`;
export const PaymentLink = ({ id }) => html`<a href=${`#/payments/${id}`}>${id}</a>`;

// ---------------------------------------------------------------- data

/** Get a path: `{answer, error, reload}`. A late answer to an earlier request is dropped. */
export function useAnswer(path, query) {
  const [state, setState] = useState({});
  const [asked, reload] = useState(0);
  useEffect(() => {
    let isWanted = true;
    get(path, query).then(
      (answer) => isWanted && setState({ answer }),
      (error) => isWanted && setState({ error }),
    );
    return () => { isWanted = false; };
  }, [path, JSON.stringify(query), asked]);
  return { ...state, reload: () => reload(asked + 1) };
}

/** A list in pages, and a button for more while there is a cursor. Children get its items, a reload, the first page. */
export function Pages({ path, query, name, children }) {
  const [pages, setPages] = useState([]);
  const [error, setError] = useState(null);
  const [asked, setAsked] = useState(0);
  const load = (cursor, earlier) => get(path, { ...query, cursor }).then(
    (answer) => { setPages([...earlier, answer]); setError(null); },
    setError,
  );
  useEffect(() => { load(undefined, []); }, [path, JSON.stringify(query), asked]);
  const items = pages.flatMap((page) => page[name]);
  const next = pages.at(-1)?.next_cursor;
  return html`
    ${error && html`<${Failure} error=${error} />`}
    ${pages.length === 0 && !error && html`<p aria-busy="true">Загрузка</p>`}
    ${pages.length > 0 && children(items, () => setAsked(asked + 1), pages[0])}
    ${next && html`<button onClick=${() => load(next, pages)}>Показать ещё</button>`}
  `;
}

export const Failure = ({ error }) => html`<p role="alert">${error.message}</p>`;

/** A page whose content needs one answer. */
export function Loaded({ path, query, children }) {
  const { answer, error, reload } = useAnswer(path, query);
  if (error) return html`<${Failure} error=${error} />`;
  return answer ? children(answer, reload) : html`<p aria-busy="true">Загрузка</p>`;
}

/** A table: `columns` are [title, cell of a row, class]. On a phone each row is a card, and titles stand in it. */
export function Table({ columns, rows, empty }) {
  if (rows.length === 0) return html`<p class="quiet">${empty}</p>`;
  return html`
    <div class="scroll"><table>
      <thead><tr>${columns.map(([title, , kind]) => html`<th scope="col" class=${kind}>${title}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>
        ${columns.map(([title, cell, kind]) => html`<td class=${kind} data-label=${title || null}>${cell(row)}</td>`)}
      </tr>`)}</tbody>
    </table></div>
  `;
}

// ---------------------------------------------------------------- actions

/** A button that asks for a reason and states the effect before it runs.
 *
 * `effect` says what happens, in roubles and people. `run(fields)` sends the request, where `fields` are the reason
 * and `children` by name, and returns the sentence that reports it. Every request may be repeated safely.
 */
export function Action({ label, effect, run, done, reason = true, children }) {
  const dialog = useRef(null);
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    if (isRunning) return;
    setRunning(true);
    setError(null);
    try {
      const sentence = await run(Object.fromEntries(new FormData(event.target)));
      dialog.current.close();
      announce(sentence);
      done();
    } catch (refusal) {
      setError(refusal);
    }
    setRunning(false);
  };
  return html`
    <button type="button" class="plain" onClick=${() => { setError(null); dialog.current.showModal(); }}>
      ${label}
    </button>
    <dialog ref=${dialog} aria-label=${label}>
      <article>
        <form onSubmit=${submit}>
          <h2>${label}</h2>
          <p>${effect}</p>
          ${children}
          ${reason && html`<label>Причина
            <textarea name="reason" rows="2" minlength="3" maxlength="500" required autofocus></textarea>
          </label>`}
          ${error && html`<${Failure} error=${error} />`}
          <footer>
            <button type="button" class="plain" onClick=${() => dialog.current.close()}>Отмена</button>
            <button type="submit" aria-busy=${isRunning ? "true" : null} disabled=${isRunning}>${label}</button>
          </footer>
        </form>
      </article>
    </dialog>
  `;
}

let announcer = () => {};

/** Report what an action did, also to a screen reader. */
export const announce = (sentence) => announcer(sentence);

/** The place of that report. */
export function Announcements({ route }) {
  const [sentence, setSentence] = useState("");
  announcer = setSentence;
  useEffect(() => setSentence(""), [route]);
  return html`<p role="status">${sentence}</p>`;
}
