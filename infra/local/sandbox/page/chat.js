// The bot's chat of one person, as the fake Telegram shows it.

import { useState } from "preact/hooks";
import { Act, Busy, Failure, Form, Text, answer, html, useEvery } from "/sandbox/ui.js";

const FAKE = "/fakes/telegram";
const READ_MS = 1_000;

/** Follow a chat: `{messages, error, reload}`. `messages` is null until they are read. */
export function useChat(id) {
  const [state, setState] = useState({ messages: null, error: null });
  const reload = async () => {
    try {
      const response = await fetch(`${FAKE}/chats/${id}`, { cache: "no-store" });
      if (!response.ok) throw new Error();
      const { messages } = await response.json();
      setState((known) => JSON.stringify(known.messages) === JSON.stringify(messages) && !known.error ? known : { messages, error: null });
    } catch {
      setState((known) => ({ ...known, error: "Чат не читается. Сервис запущен?" }));
    }
  };
  useEvery(READ_MS, reload);
  return { ...state, reload };
}

/** Send a form to the fake, which answers once the bot has handled the update. */
async function send(path, fields) {
  try {
    await fetch(`${FAKE}/${path}`, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });
  } catch {
    throw new Error("Нет связи с сервисом. Он запущен?");
  }
}

export function Chat({ person, chat, open }) {
  const { id, role, api } = person;
  const say = async ({ text }, form) => {
    await send("say", { chat_id: id, text });
    form.reset();
    chat.reload();
  };
  const subscribe = async () => {
    await answer(api.PUT("/api/users/me/preferences", { body: { categories: [], cities: [] } }));
    await answer(api.PUT("/api/users/me/notification-settings", { body: { enabled: true, frequency: 5 } }));
  };
  return html`
    ${chat.error && html`<${Failure} message=${chat.error} retry=${chat.reload} />`}
    ${!chat.messages && !chat.error && html`<${Busy} />`}
    ${chat.messages?.length === 0 && html`<p class="quiet">Бот ещё ничего не писал.</p>`}
    ${chat.messages?.map((message, number) => html`<div key=${number} class=${message.id === null ? "message from" : "message"}>
      <${Text}>${message.text}</${Text}>
      ${message.buttons.map((key) => html`<${Key} key=${key.text} person=${person} message=${message} button=${key} open=${open} done=${chat.reload} />`)}
    </div>`)}
    <${Form} label="Написать боту" run=${say}><input name="text" aria-label="Сообщение боту" defaultValue="/start" required /></${Form}>
    ${role === "executor" && html`<${Act} label="Присылать новые заказы" run=${subscribe} />`}
  `;
}

/** A button under a message: it calls the bot back, or opens the Mini App, which is this phone. */
function Key({ person, message, button, open, done }) {
  if (button.callback_data === undefined) return html`<button type="button" onClick=${open}>${button.text}</button>`;
  const press = () => send("press", { chat_id: person.id, message_id: message.id, data: button.callback_data });
  return html`<${Act} label=${button.text} run=${press} done=${done} />`;
}
