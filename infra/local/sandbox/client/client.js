/** A typed client of the API. The types of paths, parameters, bodies and responses are in schema.ts, generated from the OpenAPI. */
import createClient, {} from "openapi-fetch";
/**
 * Create a client of the API.
 *
 * @param baseUrl address of the API, without `/api`; "" behind the WebApp's own proxy
 * @param initData returns Telegram's raw initData, called for each request; "" sends no credentials
 */
export function urgentServices(baseUrl, initData) {
    const client = createClient({ baseUrl });
    client.use({
        onRequest({ request }) {
            const signed = initData();
            if (signed !== "")
                request.headers.set("Authorization", `Bearer ${signed}`);
            return request;
        },
    });
    return client;
}
/** The sentence to show to the user; for invalid fields, the message of the first. */
export function sentence(failure) {
    if (typeof failure.detail === "string")
        return failure.detail;
    return failure.detail[0]?.msg ?? "Проверьте, что введено";
}
