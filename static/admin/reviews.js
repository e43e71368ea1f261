// Reviews: hide one that breaks the rules, or restore it.

import { post } from "/admin/api.js";
import { Action, OrderLink, Pages, PersonLink, Table, Text, html, time } from "/admin/ui.js";

const Moderate = ({ review, reload }) => {
  const [label, path, effect] = review.hidden
    ? ["Вернуть отзыв", "reviews/restore", `Оценка ${review.rating} снова войдёт в рейтинг исполнителя ${review.executor_id}, отзыв увидят все. Деньги не изменятся: 0 ₽.`]
    : ["Скрыть отзыв", "reviews/hide", `Оценка ${review.rating} уйдёт из рейтинга исполнителя ${review.executor_id}, отзыв увидит только его автор ${review.author_id}. Деньги не изменятся: 0 ₽.`];
  return html`
    <${Action}
      label=${label}
      effect=${effect}
      run=${async ({ reason }) => {
        await post(path, { order_id: review.order_id, author_id: review.author_id, reason });
        return review.hidden ? "Отзыв снова виден." : "Отзыв скрыт.";
      }}
      done=${reload}
    />
  `;
};

/** The columns of a table of reviews, for this page and a person's. */
export const columns = (reload) => [
  ["Оценка", (review) => `${review.rating} из 5${review.hidden ? ", скрыт" : ""}`],
  ["Отзыв", (review) => html`${review.comment ? html`<${Text}>${review.comment}<//>` : html`<span class="quiet">без слов</span>`}`],
  ["Автор", (review) => html`<${PersonLink} id=${review.author_id} /> <${Text}>${review.author_name}<//>`],
  ["Исполнитель", (review) => html`<${PersonLink} id=${review.executor_id} />`],
  ["Заказ", (review) => html`<${OrderLink} id=${review.order_id} />`],
  ["Когда", (review) => time(review.created_at)],
  ["", (review) => html`<div class="actions"><${Moderate} review=${review} reload=${reload} /></div>`],
];

export default function Reviews({ rest: [which] }) {
  const isHidden = which === "hidden";
  return html`
    <h1>${isHidden ? "Скрытые отзывы" : "Отзывы"}</h1>
    <p>${isHidden
      ? html`<a href="#/reviews">Видимые отзывы</a>`
      : html`<a href="#/reviews/hidden">Скрытые отзывы</a>`}</p>
    <${Pages} path="reviews" query=${{ hidden: isHidden }} name="reviews">
      ${(rows, reload) => html`<${Table} columns=${columns(reload)} rows=${rows} empty="Таких отзывов нет." />`}
    <//>
  `;
}
