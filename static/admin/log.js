// The audit log: what every operator did and why.

import { OrderLink, Pages, PaymentLink, PersonLink, Table, Text, html, time } from "/admin/ui.js";

const KINDS = {
  complaint_handled: "Жалоба закрыта",
  take_refunded: "Возврат за отклик",
  order_removed: "Заказ снят",
  review_hidden: "Отзыв скрыт",
  review_restored: "Отзыв возвращён",
  user_banned: "Блокировка",
  user_unbanned: "Блокировка снята",
  note_added: "Заметка",
  person_read: "Просмотр человека",
  ledger_read: "Просмотр счёта",
  thread_read: "Просмотр обращения",
  thread_answered: "Ответ на обращение",
  thread_taken: "Обращение взято",
  thread_closed: "Обращение закрыто",
  session_opened: "Вход по ссылке",
  payment_refunded: "Возврат платежа",
  refund_requested: "Запрос возврата",
  refund_approved: "Возврат одобрен",
  refund_withdrawn: "Возврат отозван",
  messages_redriven: "Повтор сообщений",
  data_exported: "Выгрузка данных",
  data_erased: "Удаление данных",
};

const COLUMNS = [
  ["Когда", (action) => time(action.created_at)],
  ["Действие", (action) => KINDS[action.kind] ?? action.kind],
  ["Оператор", (action) => html`<${PersonLink} id=${action.operator_id} />`],
  ["Человек", (action) => action.user_id && html`<${PersonLink} id=${action.user_id} />`],
  ["Заказ", (action) => action.order_id && html`<${OrderLink} id=${action.order_id} />`],
  ["Платёж", (action) => action.payment_id && html`<${PaymentLink} id=${action.payment_id} />`],
  ["Причина", (action) => html`<${Text}>${action.reason}<//>`],
];

export default () => html`
  <h1>Журнал действий</h1>
  <${Pages} path="actions" name="actions">
    ${(rows) => html`<${Table} columns=${COLUMNS} rows=${rows} empty="Действий пока не было." />`}
  <//>
`;
