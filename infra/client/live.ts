/**
 * Live updates: a list of active orders that keeps itself current, and events of the user's own orders and payments.
 *
 * Without a socket it polls. It reads the list anew after each reconnect, so nothing that was missed stays missing.
 */
import type { Client } from "openapi-fetch";
import ReconnectingWebSocket from "partysocket/ws";

import type { OrderView, paths } from "./schema.ts";

type Query = NonNullable<paths["/api/orders"]["get"]["parameters"]["query"]>;

/** A list of active orders; null is any. */
export interface List {
  city: string | null;
  category: NonNullable<Query["category"]> | null;
}

/** An event of the user's own. Reload the order or the payment; it carries nothing else. */
export type Mine =
  | { type: "mine"; event: "taken" | "respond_due" | "responded" | "ended" | "refunded"; order_id: string }
  | { type: "mine"; event: "paid"; payment_id: number };

type OrderFrame =
  | { type: "order"; event: "appeared" | "changed"; version: number; order: OrderView }
  | { type: "order"; event: "left"; version: number; order: { id: string } };

/** A message of the server. */
export type Frame =
  | { type: "watching"; city: string | null; category: string | null }
  | { type: "pong" }
  | { type: "poll"; seconds: number }
  | { type: "error"; code: "invalid_message" | "unknown_city" | "unknown_category" | "too_often" }
  | OrderFrame
  | Mine;

/** What the page does with news. `orders` gets the whole list, newest first, after each change. */
export interface Handlers {
  orders?: (orders: OrderView[]) => void;
  mine?: (event: Mine) => void;
}

const PING_MS = 9 * 60_000;
const POLL_MS = 10_000;
/** An index of the list lags by moments, so the list is read once more after it. */
const ONCE_MORE_MS = 3_000;
/** After `poll`, the list is watched again between five and ten minutes later. */
const REST_MS = 5 * 60_000;

/** Live updates over one socket. Close it when the page is left: a user has five sockets. */
export class Live {
  readonly #api: Client<paths>;
  readonly #handlers: Handlers;
  readonly #socket: ReconnectingWebSocket;
  readonly #ping: ReturnType<typeof setInterval>;
  #list: List | null = null;
  #orders = new Map<string, OrderView>();
  /** The newest known version of each order, also of those that left. */
  #versions = new Map<string, number>();
  #isWatching = false;
  #reading = 0;
  #poll: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #expiry: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Client<paths>, handlers: Handlers) {
    this.#api = api;
    this.#handlers = handlers;
    this.#socket = new ReconnectingWebSocket(() => this.#url(), [], {
      maxEnqueuedMessages: 0, // a watch is sent anew when the socket opens
      minReconnectionDelay: 1_000 + Math.random() * 2_000,
      maxReconnectionDelay: 30_000 + Math.random() * 30_000,
      reconnectionDelayGrowFactor: 2,
      connectionTimeout: 10_000,
    });
    this.#socket.addEventListener("open", () => this.#sendWatch());
    this.#socket.addEventListener("close", () => this.#fallBack(POLL_MS));
    this.#socket.addEventListener("message", (event: MessageEvent) => this.#on(JSON.parse(String(event.data)) as Frame));
    this.#ping = setInterval(() => this.#send({ action: "ping" }), PING_MS);
  }

  /** Follow a list in the place of the one before; null follows none. */
  watch(list: List | null): void {
    this.#list = list;
    this.#orders.clear();
    this.#versions.clear();
    this.#reading += 1; // an answer that is on its way is of the list before
    clearTimeout(this.#again);
    clearTimeout(this.#expiry);
    this.#fallBack(POLL_MS);
    this.#sendWatch();
    if (list !== null) void this.#read();
  }

  close(): void {
    clearInterval(this.#ping);
    for (const timer of [this.#poll, this.#again, this.#expiry]) clearTimeout(timer);
    this.#list = null;
    this.#reading += 1;
    this.#socket.close();
  }

  async #url(): Promise<string> {
    const { data } = await this.#api.POST("/api/live/ticket");
    if (data === undefined) throw new Error("no ticket"); // the socket tries again, with backoff and jitter
    return `${data.url}?ticket=${data.ticket}`;
  }

  #send(message: object): void {
    if (this.#socket.readyState === ReconnectingWebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #sendWatch(): void {
    this.#send(this.#list === null ? { action: "unwatch" } : { action: "watch", ...this.#list });
  }

  #on(frame: Frame): void {
    switch (frame.type) {
      case "watching":
        if (frame.city !== this.#list?.city || frame.category !== this.#list.category) return; // of the list before
        this.#isWatching = true;
        clearTimeout(this.#poll);
        void this.#read();
        this.#later(() => void this.#read(), ONCE_MORE_MS);
        return;
      case "order":
        if (this.#apply(frame)) this.#show();
        return;
      case "mine":
        this.#handlers.mine?.(frame);
        return;
      case "poll":
        this.#fallBack(frame.seconds * 1_000);
        this.#later(() => this.#sendWatch(), REST_MS * (1 + Math.random()));
        return;
      case "error": // while the list is not watched it is polled; try again later
        this.#later(() => this.#sendWatch(), REST_MS * (1 + Math.random()));
        return;
      case "pong":
    }
  }

  /** Plan what comes next in the place of what was planned: after "poll" a late "watching" must not end both. */
  #later(run: () => void, ms: number): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(run, ms);
  }

  /** Frames may be repeated and overtake each other: only a newer version counts. */
  #apply(frame: OrderFrame): boolean {
    if (frame.version <= (this.#versions.get(frame.order.id) ?? 0)) return false;
    if (this.#list === null || (frame.event !== "left" && !this.#has(frame.order))) return false;
    this.#versions.set(frame.order.id, frame.version);
    if (frame.event === "left") this.#orders.delete(frame.order.id);
    else this.#orders.set(frame.order.id, frame.order);
    return true;
  }

  #has(order: OrderView): boolean {
    const { city, category } = this.#list ?? { city: null, category: null };
    return (city === null || city === order.city) && (category === null || category === order.category);
  }

  /** Read the list. What frames told meanwhile is newer and stays. */
  async #read(): Promise<void> {
    const list = this.#list;
    if (list === null) return;
    const reading = ++this.#reading;
    const known = new Map(this.#versions);
    const query: Query = {
      limit: 100,
      ...(list.city !== null && { city: list.city }),
      ...(list.category !== null && { category: list.category }),
    };
    const { data } = await this.#api.GET("/api/orders", { params: { query } }).catch(() => ({ data: undefined }));
    if (reading !== this.#reading) return;
    if (data === undefined) {
      this.#later(() => void this.#read(), POLL_MS);
      return;
    }
    const listed = new Set(data.orders.map((order) => order.id));
    const last = data.orders.at(-1);
    // The list is sorted by the end of the hour, the latest first. Beyond the first page nothing is known.
    const shownFrom = data.next_cursor === null || last === undefined ? -Infinity : endOf(last);
    for (const [id, order] of this.#orders) {
      // An order of this page that is not listed, and that no frame touched meanwhile, is gone.
      const isGone = endOf(order) > shownFrom && !listed.has(id) && this.#versions.get(id) === known.get(id);
      if (isGone) this.#orders.delete(id);
    }
    for (const order of data.orders) {
      if (order.version < (this.#versions.get(order.id) ?? 0)) continue;
      this.#versions.set(order.id, order.version);
      this.#orders.set(order.id, order);
    }
    this.#show();
  }

  /** Show the list without the orders whose hour is over: the frame for it may be late. */
  #show(): void {
    const now = Date.now();
    for (const order of this.#orders.values()) if (endOf(order) <= now) this.#orders.delete(order.id);
    const orders = [...this.#orders.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
    clearTimeout(this.#expiry);
    if (orders.length > 0) this.#expiry = setTimeout(() => this.#show(), Math.min(...orders.map(endOf)) - now);
    this.#handlers.orders?.(orders);
  }

  #fallBack(ms: number): void {
    this.#isWatching = false;
    clearTimeout(this.#poll);
    clearTimeout(this.#again);
    const poll = (): void => {
      if (this.#isWatching || this.#list === null) return;
      void this.#read();
      this.#poll = setTimeout(poll, ms);
    };
    this.#poll = setTimeout(poll, ms * (0.5 + Math.random()));
  }
}

function endOf(order: OrderView): number {
  return Date.parse(order.created_at) + order.expires_in_minutes * 60_000;
}
