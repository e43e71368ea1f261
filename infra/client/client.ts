/** A typed client of the API. The types of paths, parameters, bodies and responses are in schema.ts, generated from the OpenAPI. */
import createClient, { type Client } from "openapi-fetch";

import type { components, InvalidRequestView, paths } from "./schema.ts";

export type * from "./schema.ts";

/** An error response. `code` is stable; `detail` is a sentence to show to the user, or a list of invalid fields. */
export type Failure = components["schemas"]["ErrorView"] | InvalidRequestView;

/**
 * Create a client of the API.
 *
 * @param baseUrl address of the API, without `/api`; "" behind the WebApp's own proxy
 * @param initData returns Telegram's raw initData, called for each request; "" sends no credentials
 */
export function urgentServices(baseUrl: string, initData: () => string): Client<paths> {
  const client = createClient<paths>({ baseUrl });
  client.use({
    onRequest({ request }) {
      const signed = initData();
      if (signed !== "") request.headers.set("Authorization", `Bearer ${signed}`);
      return request;
    },
  });
  return client;
}

/** The sentence to show to the user; for invalid fields, the message of the first. */
export function sentence(failure: Failure): string {
  if (typeof failure.detail === "string") return failure.detail;
  return failure.detail[0]?.msg ?? "Проверьте, что введено";
}
