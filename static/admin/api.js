// Calls to /api/admin/* with the operator's credentials, and the error that each refusal becomes.

// What the header Authorization says. It stays in this tab's storage, so that a reload finds it.
const STORED = "authorization";

// Telegram opens the panel with initData in the fragment, and the bot's link has a code there. No server and no log
// sees a fragment; it leaves the address bar and the history at once.
const arrived = new URLSearchParams(location.hash.startsWith("#/") ? "" : location.hash.slice(1));
const initData = arrived.get("tgWebAppData");
if (initData) sessionStorage.setItem(STORED, `tma ${initData}`);
if (arrived.size > 0) history.replaceState(null, "", location.pathname);

export const isSignedIn = () => sessionStorage.getItem(STORED) !== null;

/** Spend the code of the bot's link, if the panel was opened with one. Raises Refusal. */
export async function arrive() {
  const code = arrived.get("code");
  if (!code) return;
  sessionStorage.removeItem(STORED);
  const { session } = await post("session", { code });
  sessionStorage.setItem(STORED, `operator ${session}`);
}

const RENEW = "Отправьте боту /admin и откройте панель по новой ссылке.";

/** A refused or failed request. `message` is a sentence for the operator; `code` is the API's. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

/** Send a request; return the response. Raises Refusal. */
async function send(method, path, { query = {}, body } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  let response;
  try {
    response = await fetch(`/api/admin/${path}${search}`, {
      method,
      headers: {
        ...(isSignedIn() ? { authorization: sessionStorage.getItem(STORED) } : {}),
        ...(body ? { "content-type": "application/json" } : {}),
      },
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
  } catch {
    throw new Refusal(0, "unreachable", "Нет связи с сервером. Повторите: повтор ничего не сделает дважды.");
  }
  if (!response.ok) {
    const { code, detail } = await response.json().catch(() => ({}));
    const sentence = typeof detail === "string" ? detail : detail?.[0]?.msg ?? "Сервер не ответил. Повторите.";
    throw new Refusal(response.status, code, response.status === 401 ? `${sentence}. ${RENEW}` : sentence);
  }
  return response;
}

export const get = async (path, query) => (await send("GET", path, { query })).json();
export const post = async (path, body) => (await send("POST", path, { body })).json();

/** Get a file as a URL for this page; revoke it after use. A link or an image could not send the credentials. */
export const file = async (path, query) => URL.createObjectURL(await (await send("GET", path, { query })).blob());

/** Save a response as a file of this name. */
export async function download(path, query, name) {
  const address = await file(path, query);
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  URL.revokeObjectURL(address);
}
