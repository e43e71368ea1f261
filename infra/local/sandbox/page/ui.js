// What the phones are built of. A user's text becomes a text node and nothing else: no HTML, no link.

import { h } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import htm from "htm";
import { sentence } from "/sandbox/client.js";

export const html = htm.bind(h);

// Controls that change the direction of the text around them.
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A user's text, isolated from the text around it. */
export const Text = ({ children }) => html`<bdi class="text">${[children].flat().join("").replace(BIDI, "")}</bdi>`;

export const Failure = ({ message, retry }) => html`<p role="alert">${message}
  ${retry && html` <button type="button" onClick=${retry}>Повторить</button>`}</p>`;

export const Busy = () => html`<p aria-busy="true">Загрузка</p>`;

/** Wait for a response. Return its JSON; raise an Error whose message is a sentence to show. */
export async function answer(request) {
  let received;
  try {
    received = await request;
  } catch {
    throw new Error("Нет связи с сервисом. Он запущен?");
  }
  const { data, error, response } = received;
  if (response.ok) return data;
  throw new Error(error?.detail ? sentence(error) : "Сервис не ответил. Повторите.");
}

/** The time in ms, every second. */
export function useNow() {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Call `read` now, every so many ms while the page is visible, and once it becomes visible. */
export function useEvery(ms, read) {
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    const look = () => { if (!document.hidden) latest.current(); };
    look();
    const timer = setInterval(look, ms);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
}

/** A button that waits for what it does, and shows the sentence of a refusal. */
export function Act({ label, run, done }) {
  const [isRunning, setRunning] = useState(false);
  const [refusal, setRefusal] = useState(null);
  const press = async () => {
    setRunning(true);
    setRefusal(null);
    try {
      await run();
    } catch (error) {
      setRefusal(error.message);
    }
    setRunning(false);
    done?.();
  };
  return html`<button type="button" aria-busy=${isRunning ? "true" : null} disabled=${isRunning} onClick=${press}>${label}</button>
    ${refusal && html`<${Failure} message=${refusal} />`}`;
}

/** A form that waits for what it does with its fields, and shows the sentence of a refusal. */
export function Form({ label, run, children }) {
  const [isRunning, setRunning] = useState(false);
  const [refusal, setRefusal] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    if (isRunning) return;
    const form = event.target;
    setRunning(true);
    setRefusal(null);
    try {
      await run(Object.fromEntries(new FormData(form)), form);
    } catch (error) {
      setRefusal(error.message);
    }
    setRunning(false);
  };
  return html`<form onSubmit=${submit}>
    ${children}
    ${refusal && html`<${Failure} message=${refusal} />`}
    <button type="submit" aria-busy=${isRunning ? "true" : null} disabled=${isRunning}>${label}</button>
  </form>`;
}
