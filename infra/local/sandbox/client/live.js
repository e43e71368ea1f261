import ReconnectingWebSocket from "partysocket/ws";
const PING_MS = 9 * 60_000;
const POLL_MS = 10_000;
/** An index of the list lags by moments, so the list is read once more after it. */
const ONCE_MORE_MS = 3_000;
/** After `poll`, the list is watched again between five and ten minutes later. */
const REST_MS = 5 * 60_000;
/** Live updates over one socket. Close it when the page is left: a user has five sockets. */
export class Live {
    #api;
    #handlers;
    #socket;
    #ping;
    #list = null;
    #orders = new Map();
    /** The newest known version of each order, also of those that left. */
    #versions = new Map();
    #isWatching = false;
    #reading = 0;
    #poll;
    #again;
    #expiry;
    constructor(api, handlers) {
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
        this.#socket.addEventListener("message", (event) => this.#on(JSON.parse(String(event.data))));
        this.#ping = setInterval(() => this.#send({ action: "ping" }), PING_MS);
    }
    /** Follow a list in the place of the one before; null follows none. */
    watch(list) {
        this.#list = list;
        this.#orders.clear();
        this.#versions.clear();
        this.#reading += 1; // an answer that is on its way is of the list before
        clearTimeout(this.#again);
        clearTimeout(this.#expiry);
        this.#fallBack(POLL_MS);
        this.#sendWatch();
        if (list !== null)
            void this.#read();
    }
    close() {
        clearInterval(this.#ping);
        for (const timer of [this.#poll, this.#again, this.#expiry])
            clearTimeout(timer);
        this.#list = null;
        this.#reading += 1;
        this.#socket.close();
    }
    async #url() {
        const { data } = await this.#api.POST("/api/live/ticket");
        if (data === undefined)
            throw new Error("no ticket"); // the socket tries again, with backoff and jitter
        return `${data.url}?ticket=${data.ticket}`;
    }
    #send(message) {
        if (this.#socket.readyState === ReconnectingWebSocket.OPEN)
            this.#socket.send(JSON.stringify(message));
    }
    #sendWatch() {
        this.#send(this.#list === null ? { action: "unwatch" } : { action: "watch", ...this.#list });
    }
    #on(frame) {
        switch (frame.type) {
            case "watching":
                if (frame.city !== this.#list?.city || frame.category !== this.#list.category)
                    return; // of the list before
                this.#isWatching = true;
                clearTimeout(this.#poll);
                void this.#read();
                this.#later(() => void this.#read(), ONCE_MORE_MS);
                return;
            case "order":
                if (this.#apply(frame))
                    this.#show();
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
    #later(run, ms) {
        clearTimeout(this.#again);
        this.#again = setTimeout(run, ms);
    }
    /** Frames may be repeated and overtake each other: only a newer version counts. */
    #apply(frame) {
        if (frame.version <= (this.#versions.get(frame.order.id) ?? 0))
            return false;
        if (this.#list === null || (frame.event !== "left" && !this.#has(frame.order)))
            return false;
        this.#versions.set(frame.order.id, frame.version);
        if (frame.event === "left")
            this.#orders.delete(frame.order.id);
        else
            this.#orders.set(frame.order.id, frame.order);
        return true;
    }
    #has(order) {
        const { city, category } = this.#list ?? { city: null, category: null };
        return (city === null || city === order.city) && (category === null || category === order.category);
    }
    /** Read the list. What frames told meanwhile is newer and stays. */
    async #read() {
        const list = this.#list;
        if (list === null)
            return;
        const reading = ++this.#reading;
        const known = new Map(this.#versions);
        const query = {
            limit: 100,
            ...(list.city !== null && { city: list.city }),
            ...(list.category !== null && { category: list.category }),
        };
        const { data } = await this.#api.GET("/api/orders", { params: { query } }).catch(() => ({ data: undefined }));
        if (reading !== this.#reading)
            return;
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
            if (isGone)
                this.#orders.delete(id);
        }
        for (const order of data.orders) {
            if (order.version < (this.#versions.get(order.id) ?? 0))
                continue;
            this.#versions.set(order.id, order.version);
            this.#orders.set(order.id, order);
        }
        this.#show();
    }
    /** Show the list without the orders whose hour is over: the frame for it may be late. */
    #show() {
        const now = Date.now();
        for (const order of this.#orders.values())
            if (endOf(order) <= now)
                this.#orders.delete(order.id);
        const orders = [...this.#orders.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
        clearTimeout(this.#expiry);
        if (orders.length > 0)
            this.#expiry = setTimeout(() => this.#show(), Math.min(...orders.map(endOf)) - now);
        this.#handlers.orders?.(orders);
    }
    #fallBack(ms) {
        this.#isWatching = false;
        clearTimeout(this.#poll);
        clearTimeout(this.#again);
        const poll = () => {
            if (this.#isWatching || this.#list === null)
                return;
            void this.#read();
            this.#poll = setTimeout(poll, ms);
        };
        this.#poll = setTimeout(poll, ms * (0.5 + Math.random()));
    }
}
function endOf(order) {
    return Date.parse(order.created_at) + order.expires_in_minutes * 60_000;
}
