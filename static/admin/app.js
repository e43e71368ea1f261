// The frame of the panel: its sections, the search, and the page that the address names.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { arrive, get, isSignedIn } from "/admin/api.js";
import { Announcements, Failure, PersonLink, html } from "/admin/ui.js";

const SECTIONS = [
  ["overview", "Обзор"], ["threads", "Обращения"], ["complaints", "Жалобы"], ["reviews", "Отзывы"],
  ["payments", "Платежи"], ["log", "Журнал"], ["health", "Состояние"],
];

// Each page is a module that is loaded when it is first opened.
const PAGES = {
  overview: () => import("/admin/overview.js"),
  complaints: () => import("/admin/complaints.js"),
  health: () => import("/admin/health.js"),
  log: () => import("/admin/log.js"),
  orders: () => import("/admin/order.js"),
  people: () => import("/admin/person.js"),
  payments: () => import("/admin/payments.js"),
  reviews: () => import("/admin/reviews.js"),
  threads: () => import("/admin/threads.js"),
};

const HOME = "overview";
const LAST = "route";

/** The address after `#/`, in parts. A reload of a Mini App has none: the tab's storage has the last one. */
function route() {
  const hash = location.hash.startsWith("#/") ? location.hash : sessionStorage.getItem(LAST) ?? `#/${HOME}`;
  sessionStorage.setItem(LAST, hash);
  return hash.slice(2).split("/").map(decodeURIComponent);
}

const exists = (path) => get(path).then(() => true, (error) => {
  if (error.status === 404) return false;
  throw error;
});

/** The page of what was typed: digits are a person's id, twelve characters an order's or a name, the rest a name. */
function Search() {
  const [error, setError] = useState(null);
  const [people, setPeople] = useState([]);
  const find = async (typed) => {
    setPeople([]);
    setError(null);
    if (/^\d+$/.test(typed)) return `people/${typed}`;
    if (/^[\w-]{12}$/.test(typed) && await exists(`orders/${typed}`)) return `orders/${typed}`;
    const { ids } = await get("users", { query: typed });
    if (ids.length === 1) return `people/${ids[0]}`;
    setPeople(ids);
    return null;
  };
  const submit = (event) => {
    event.preventDefault();
    find(new FormData(event.target).get("typed").trim()).then((page) => { if (page) location.hash = `#/${page}`; }, setError);
  };
  return html`
    <form role="search" onSubmit=${submit}>
      <input type="search" name="typed" aria-label="Человек или заказ" placeholder="id, @имя или номер заказа" required />
    </form>
    ${error && html`<${Failure} error=${error} />`}
    ${people.length > 0 && html`<p>Это имя было у нескольких людей: ${people.map((id) => html`<${PersonLink} id=${id} /> `)}</p>`}
  `;
}

function App() {
  const [[name, ...rest], setRoute] = useState(route);
  const [loaded, setLoaded] = useState({});
  useEffect(() => {
    const moved = () => setRoute(route());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    let isWanted = true;
    (PAGES[name] ?? PAGES[HOME])().then((module) => isWanted && setLoaded({ name, Page: module.default }));
    return () => { isWanted = false; };
  }, [name]);
  const path = [name, ...rest].join("/");
  return html`
    <header>
      <nav aria-label="Разделы">
        <ul>
          <li><strong>Панель оператора</strong></li>
          ${SECTIONS.map(([section, title]) => html`<li>
            <a href=${`#/${section}`} aria-current=${name === section ? "page" : null}>${title}</a>
          </li>`)}
        </ul>
        <${Search} />
      </nav>
    </header>
    <main>
      <${Announcements} route=${path} />
      ${loaded.name === name && html`<${loaded.Page} key=${path} rest=${rest} />`}
    </main>
  `;
}

const Outside = ({ error }) => html`<main><h1>Панель оператора</h1>
  ${error && html`<${Failure} error=${error} />`}
  <p>Панель открывается кнопкой в боте. Кнопку получают операторы: отправьте боту /admin.</p></main>`;

const show = (error) => render(isSignedIn() ? html`<${App} />` : html`<${Outside} error=${error} />`, document.body);
arrive().then(show, show);
