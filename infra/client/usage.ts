/** Examples of every kind of call. `make client` type-checks them, so a change of the API that breaks one fails there. */
import { type ExportView, type NewOrder, type OrderView, sentence, urgentServices } from "./client.ts";
import { Live } from "./live.ts";

const api = urgentServices("https://api.example.org", () => "query_id=…&user=…&hash=…");

const order = {
  category: "Сантехника",
  city: "Казань",
  contact: "@burst_pipe",
  description: "Прорвало трубу на кухне, вода на полу",
} satisfies NewOrder;

export async function postOrder(): Promise<string> {
  const { data, error } = await api.POST("/api/orders", { body: order });
  if (error !== undefined) throw new Error(sentence(error));
  return data.id;
}

export async function feed(city: string): Promise<OrderView[]> {
  const { data } = await api.GET("/api/orders", { params: { query: { city, limit: 20, offset: 0 } } });
  // Lists contain no contacts: `contact` is null.
  return (data?.orders ?? []).filter((listed) => listed.contact === null && listed.status === "active");
}

export async function buyContact(id: string): Promise<string> {
  const { data, error, response } = await api.POST("/api/orders/{id}/take", { params: { path: { id } } });
  if (data !== undefined) return `${data.contact}, осталось ${data.new_balance} ₽, исполнителей: ${data.executor_count}`;
  // 402: the balance is too low. 409, 410: the order is no longer available.
  if (response.status === 402) return topUp(100);
  throw new Error(sentence(error));
}

export async function topUp(amount: number): Promise<string> {
  const { data: invoice, error } = await api.POST("/api/balance/create-invoice", { body: { amount } });
  if (error !== undefined) throw new Error(sentence(error));
  return invoice.mini_app_invoice_url ?? invoice.pay_url;
}

export async function isPaid(id: number): Promise<boolean> {
  const { data } = await api.GET("/api/balance/payment/{id}/status", { params: { path: { id } } });
  return data?.status === "paid";
}

export async function rate(order_id: string): Promise<void> {
  const { error } = await api.POST("/api/reviews/client", { body: { order_id, rating: 5, comment: null } });
  if (error !== undefined) throw new Error(sentence(error));
}

export async function answer(id: string): Promise<void> {
  const { data, error } = await api.POST("/api/orders/{id}/respond", { params: { path: { id } } });
  // 409 already_answered: an earlier tap was recorded.
  if (error !== undefined && error.code !== "already_answered") throw new Error(sentence(error));
  if (data?.customer_responded_at == null) return;
  await api.POST("/api/orders/{id}/complete", { params: { path: { id } } });
}

/** The caller's name; undefined when only a restart of Telegram helps, which caches old initData. */
export async function myName(): Promise<string | undefined> {
  const { data, error } = await api.GET("/api/users/me");
  if (error?.code === "init_data_expired") return undefined;
  if (error !== undefined) throw new Error(sentence(error));
  return data.first_name;
}

/** The amounts of the whole ledger, newest entry first. */
export async function ledger(): Promise<number[]> {
  const amounts: number[] = [];
  let cursor: string | null = null;
  do {
    const query: { cursor: string | null; limit: number } = { cursor, limit: 100 };
    const page = (await api.GET("/api/balance/transactions", { params: { query } })).data;
    amounts.push(...(page?.transactions ?? []).map((entry) => entry.amount));
    cursor = page?.next_cursor ?? null;
  } while (cursor !== null);
  return amounts;
}

export async function hearOfOrders(cities: string[]): Promise<boolean> {
  await api.PUT("/api/users/me/preferences", { body: { categories: [], cities } });
  const { response } = await api.PUT("/api/users/me/notification-settings", { body: { enabled: true } });
  // "false": the bot may not write to the user yet, so request write access from Telegram.
  return response.headers.get("X-Bot-Can-Write") !== "false";
}

/** Export the caller's personal data, page by page, then erase it. */
export async function leave(): Promise<ExportView[]> {
  const pages: ExportView[] = [];
  let cursor: string | null = null;
  do {
    const query: { cursor: string | null } = { cursor };
    const { data, error } = await api.GET("/api/users/me/export", { params: { query } });
    if (error !== undefined) throw new Error(sentence(error));
    pages.push(data);
    cursor = data.next_cursor;
  } while (cursor !== null);
  const { response } = await api.DELETE("/api/users/me");
  if (response.status !== 204) throw new Error("Попробуйте ещё раз");
  return pages;
}

export async function removeAdvertisement(id: string, author: number): Promise<string[]> {
  const reason = "Реклама";
  const order = await api.GET("/api/admin/orders/{id}", { params: { path: { id } } });
  if (order.data?.removed_at === null) {
    await api.POST("/api/admin/orders/{id}/remove", { params: { path: { id } }, body: { reason } });
  }
  const { data, error } = await api.POST("/api/admin/users/{id}/ban", {
    params: { path: { id: author } },
    body: { reason },
  });
  if (error !== undefined) throw new Error(sentence(error));
  return data.removed_orders;
}

export async function refundWhoComplained(): Promise<void> {
  const { data } = await api.GET("/api/admin/complaints");
  for (const { order_id, executor_id, complaint } of data?.complaints ?? []) {
    const reason = `Жалоба: ${complaint}`;
    const body = { executor_id, reason };
    await api.POST("/api/admin/orders/{id}/refund", { params: { path: { id: order_id } }, body });
    await api.POST("/api/admin/complaints/handle", { body: { order_id, ...body } });
  }
}

// Type errors that the compiler must report.
export function wrong(): void {
  // @ts-expect-error no such category
  void ({ ...order, category: "Астрология" } satisfies NewOrder);
  // @ts-expect-error a price is a number
  void api.POST("/api/balance/create-invoice", { body: { amount: "100" } });
  // @ts-expect-error no such path
  void api.GET("/api/executors");
}

/** A page with a list that keeps itself current. In React, this is the body of an effect; it returns the clean-up. */
export function follow(city: string, show: (orders: OrderView[]) => void, reload: (id: string) => void): () => void {
  const live = new Live(api, {
    orders: show,
    mine: (event) => reload(event.event === "paid" ? String(event.payment_id) : event.order_id),
  });
  live.watch({ city, category: null });
  return () => live.close();
}
