// The marketplace by day (Moscow): figures of a period, charts, a table, CSV. Figures of an open day still change.

import uPlot from "/admin/uPlot.esm.js";
import { useEffect, useRef, useState } from "preact/hooks";
import { download } from "/admin/api.js";
import { PROVIDERS } from "/admin/payments.js";
import { Failure, Loaded, Table, html, roubles } from "/admin/ui.js";

const CATEGORIES = [
  "Сантехника", "Электрика", "Бытовой ремонт", "Клининг", "Сборка/установка", "Бытовая техника", "Другое",
];
const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 35;

const MOSCOW = new Intl.DateTimeFormat("sv", { timeZone: "Europe/Moscow" });

/** The day `back` days before today, as YYYY-MM-DD. */
const day = (back) => MOSCOW.format(new Date(Date.now() - back * DAY_MS));

/** Seconds as minutes; a dash for none. */
const minutes = (seconds) => (seconds === null ? "—" : `${(seconds / 60).toFixed(1).replace(".", ",")} мин`);

// Field, its name, and how it is shown.
const FIGURES = [
  ["posted", "Размещено"], ["taken", "Взято хотя бы раз"], ["slots", "Откликов"], ["responded", "Клиент ответил"],
  ["completed", "Выполнено"], ["expired_untaken", "Истекло без откликов"], ["closed", "Закрыто без ответа"],
  ["complaints", "Жалоб"], ["reviews", "Отзывов"], ["rating_mean", "Средняя оценка"],
  ["spent", "Потрачено", roubles], ["refunded", "Возвращено", roubles], ["topped_up", "Пополнено", roubles],
  ["debts", "Долги", roubles], ["clients", "Клиентов"], ["executors", "Исполнителей"],
  ["new_clients", "Новых клиентов"], ["new_executors", "Новых исполнителей"],
  ["returning_7", "Вернулись за 7 дней"], ["returning_28", "Вернулись за 28 дней"], ["told", "Уведомлений"],
  ["first_take_p50", "До первого отклика, половина", minutes], ["first_take_p90", "До первого отклика, 90 %", minutes],
  ["respond_p50", "До ответа, половина", minutes], ["respond_p90", "До ответа, 90 %", minutes],
];

const CHARTS = [
  ["Заказы", ["posted", "taken", "completed"]],
  ["Рубли", ["spent", "refunded", "topped_up"]],
  ["Люди", ["clients", "executors", "new_clients"]],
  ["Минуты до отклика и ответа", ["first_take_p50", "respond_p50"], 1 / 60],
];

// Told apart on light and dark, also by people who do not tell red from green.
const COLOURS = ["#0072b2", "#d55e00", "#009e73"];

const name = (field) => FIGURES.find(([known]) => known === field)[1];
const shown = (value, format = String) => (value === null || value === undefined ? "—" : format(value));

/** Draw lines by day; the open days have a grey background. */
function Chart({ title, fields, scale = 1, days }) {
  const place = useRef(null);
  useEffect(() => {
    const colour = getComputedStyle(document.body).color;
    const axis = { stroke: colour, grid: { stroke: "#8884", width: 1 }, ticks: { stroke: "#8884" } };
    const mark = (plot) => {
      const half = days.length > 1 ? DAY_MS / 2000 : 1;
      plot.ctx.fillStyle = "#8883";
      for (const each of days.filter(({ open }) => open)) {
        const at = Date.parse(each.day) / 1000;
        const [left, right] = [at - half, at + half].map((x) => plot.valToPos(x, "x", true));
        const from = Math.max(left, plot.bbox.left);
        const to = Math.min(right, plot.bbox.left + plot.bbox.width);
        plot.ctx.fillRect(from, plot.bbox.top, to - from, plot.bbox.height);
      }
    };
    const plot = new uPlot({
      width: place.current.clientWidth,
      height: 220,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      axes: [{ ...axis, values: (_, ticks) => ticks.map((at) => new Date(at * 1000).toISOString().slice(8, 10)) }, axis],
      series: [
        { label: "День", value: (_, at) => (at ? new Date(at * 1000).toISOString().slice(0, 10) : "—") },
        ...fields.map((field, index) => ({ label: name(field), stroke: COLOURS[index], width: 2, points: { show: true } })),
      ],
      hooks: { drawClear: [mark] },
    }, [
      days.map((each) => Date.parse(each.day) / 1000),
      ...fields.map((field) => days.map((each) => each[field] === null ? null : each[field] * scale)),
    ], place.current);
    const resized = () => plot.setSize({ width: place.current.clientWidth, height: 220 });
    addEventListener("resize", resized);
    return () => { removeEventListener("resize", resized); plot.destroy(); };
  }, [days]);
  return html`<figure><figcaption>${title}</figcaption><div ref=${place}></div></figure>`;
}

function Csv({ query }) {
  const [error, setError] = useState(null);
  const save = (event) => {
    event.preventDefault();
    download("stats", { ...query, format: "csv" }, `stats-${query.from}-${query.to}.csv`).then(() => setError(null), setError);
  };
  return html`${error && html`<${Failure} error=${error} />`}<a href="#/overview" onClick=${save}>Скачать CSV</a>`;
}

const Figures = ({ total }) => html`<dl class="figures">${FIGURES.map(([field, title, format]) => html`
  <div><dt>${title}</dt><dd>${shown(total[field], format)}</dd></div>`)}</dl>`;

function Days({ days }) {
  const columns = [
    ["День", (each) => (each.open ? html`${each.day} <span class="quiet">ещё изменится</span>` : each.day)],
    ...["posted", "taken", "completed", "complaints", "spent", "refunded", "topped_up"].map((field) => {
      const [, title, format] = FIGURES.find(([known]) => known === field);
      return [title, (each) => shown(each[field], format), "number"];
    }),
  ];
  return html`<${Table} columns=${columns} rows=${[...days].reverse()} empty="В этом периоде нет дней." />`;
}

const SOURCES = [["feed", "Отклики из списка"], ["bot", "Отклики из сообщений бота"], ["link", "Отклики по ссылке"]];

const HOURS = [
  ["Час", ({ hour }) => `${String(hour).padStart(2, "0")}:00`],
  ...["posted", "taken", "responded", "completed", "expired_untaken"].map((field) =>
    [name(field), (each) => each[field], "number"]),
];

/** The figures of the period by hour and by source. They are asked for when they are opened. */
function Details({ query }) {
  const [isOpen, setOpen] = useState(false);
  return html`<details onToggle=${(event) => setOpen(event.target.open)}>
    <summary>По часам и источникам</summary>
    ${isOpen && html`<${Loaded} path="stats" query=${{ ...query, details: true }}>
      ${({ total: { details } }) => html`
        <p class="quiet">Малое число может указать на одного человека: не показывайте эти таблицы посторонним.</p>
        <dl class="figures">
          ${SOURCES.map(([source, title]) => html`<div><dt>${title}</dt><dd>${details.takes_from[source]}</dd></div>`)}
          ${details.topped_up_by?.map(({ provider, amount }) => html`
            <div><dt>Пополнено: ${PROVIDERS[provider] ?? provider}</dt><dd>${roubles(amount)}</dd></div>`)}
          <div><dt>Исполнителей с подпиской, последняя ночь</dt><dd>${shown(details.listening)}</dd></div>
        </dl>
        <${Table} columns=${HOURS} rows=${details.hours} />
      `}
    <//>`}
  </details>`;
}

export default function Overview() {
  const [query, setQuery] = useState({ from: day(DEFAULT_DAYS - 1), to: day(0) });
  const submit = (event) => {
    event.preventDefault();
    setQuery(Object.fromEntries(new FormData(event.target)));
  };
  return html`
    <h1>Обзор</h1>
    <form onSubmit=${submit}>
      <label>С<input type="date" name="from" value=${query.from} required /></label>
      <label>По<input type="date" name="to" value=${query.to} required /></label>
      <label>Город<input name="city" placeholder="все" /></label>
      <label>Категория<select name="category">
        <option value="">все</option>
        ${CATEGORIES.map((category) => html`<option>${category}</option>`)}
      </select></label>
      <button type="submit">Показать</button>
    </form>
    <${Loaded} path="stats" query=${query}>
      ${({ days, total }) => html`
        <h2>За период</h2>
        <${Figures} total=${total} />
        <h2>По дням</h2>
        <p class="quiet">Серым отмечены дни, числа которых ещё изменятся. <${Csv} query=${query} /></p>
        <div class="charts">${CHARTS.map(([title, fields, scale]) => html`
          <${Chart} title=${title} fields=${fields} scale=${scale} days=${days} />`)}</div>
        <details><summary>Таблица по дням</summary><${Days} days=${days} /></details>
        <${Details} query=${query} />
      `}
    <//>
  `;
}
