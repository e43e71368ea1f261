// What one person's phone knows: the list of active orders, the person's own orders, balance and ledger.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { urgentServices } from "/sandbox/client.js";
import { Live } from "/sandbox/live.js";
import { answer, useEvery } from "/sandbox/ui.js";

// A review has no frame, and a frame may be missed while there is no socket.
const READ_MS = 10_000;
const SHOWN = 5;

/** Read what is the person's own. Lists show no contact, so each order is read by itself. */
async function read(api, role) {
  const query = { limit: SHOWN, ...(role === "client" ? { mine: true } : { taken_by_me: true }) };
  const [me, listed, ledger] = await Promise.all([
    answer(api.GET("/api/users/me")),
    answer(api.GET("/api/orders", { params: { query } })),
    answer(api.GET("/api/balance/transactions", { params: { query: { limit: 20 } } })),
  ]);
  const orders = await Promise.all(
    listed.orders.map(({ id }) => answer(api.GET("/api/orders/{id}", { params: { path: { id } } }))),
  );
  return { me, orders, ledger: ledger.transactions };
}

/** Own orders with what frames of the list have told since: takes of others, for one. */
function withNews(own, feed) {
  if (!own) return own;
  const orders = own.orders.map((order) => {
    const news = feed?.find(({ id, version }) => id === order.id && version > order.version);
    return news ? { ...order, taken_by: news.taken_by, customer_responded_at: news.customer_responded_at } : order;
  });
  return { ...own, orders };
}

/** Follow a person: `{api, feed, own, error, paid, reload}`. `feed` and `own` are null until they are read. */
export function usePerson({ id, role, init_data }) {
  const api = useMemo(() => urgentServices("", () => init_data), [init_data]);
  const [feed, setFeed] = useState(null);
  const [own, setOwn] = useState(null);
  const [error, setError] = useState(null);
  const [paid, setPaid] = useState(null);
  const reading = useRef(null);
  const isAskedAgain = useRef(false);
  // One read at a time: what is asked for meanwhile is read once more after it.
  const readAll = async () => {
    do {
      isAskedAgain.current = false;
      try {
        setOwn(await read(api, role));
        setError(null);
      } catch (failure) {
        setError(failure.message);
      }
    } while (isAskedAgain.current);
    reading.current = null;
  };
  const reload = () => {
    if (reading.current) isAskedAgain.current = true;
    else reading.current = readAll();
    return reading.current;
  };
  useEvery(READ_MS, () => reading.current ?? reload());
  useEffect(() => {
    const live = new Live(api, {
      orders: setFeed,
      mine: (event) => {
        if (event.event === "paid") setPaid(event.payment_id);
        reload();
      },
    });
    live.watch({ city: null, category: null });
    return () => live.close();
  }, [api]);
  return { id, role, api, feed, own: withNews(own, feed), error, paid, reload };
}
