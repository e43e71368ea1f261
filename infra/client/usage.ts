/** How the WebApp would use the client. `make client` holds it to the OpenAPI: what stops fitting fails there. */
import { type NewOrder, type OrderView, sentence, urgentServices } from "./client.ts";

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
  // A contact is in no list.
  return (data?.orders ?? []).filter((listed) => listed.contact === null && listed.status === "active");
}

export async function buyContact(id: string): Promise<string> {
  const { data, error, response } = await api.POST("/api/orders/{id}/take", { params: { path: { id } } });
  if (data !== undefined) return `${data.contact}, осталось ${data.new_balance} ₽, исполнителей: ${data.executor_count}`;
  // 402: offer to top up. 409, 410: gone.
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

// What does not fit is an error, which is what all of this is for.
export function wrong(): void {
  // @ts-expect-error no such category
  void ({ ...order, category: "Астрология" } satisfies NewOrder);
  // @ts-expect-error a price is a number
  void api.POST("/api/balance/create-invoice", { body: { amount: "100" } });
  // @ts-expect-error no such path
  void api.GET("/api/executors");
}
