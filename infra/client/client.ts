/** The API as functions: paths, parameters, bodies and answers are typed by schema.ts, which is made from the OpenAPI. */
import createClient, { type Client } from "openapi-fetch";

import type { components, InvalidRequestView, paths } from "./schema.ts";

export type * from "./schema.ts";

/** An answer that is no success. `code` is stable; `detail` is a sentence for the user, or what is wrong by field. */
export type Failure = components["schemas"]["ErrorView"] | InvalidRequestView;

/**
 * @param baseUrl where the API is, without `/api`; "" behind the WebApp's own proxy
 * @param initData Telegram's raw initData, asked for at each request
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

/** What to show to the user: the sentence, or the first of those about fields. */
export function sentence(failure: Failure): string {
  if (typeof failure.detail === "string") return failure.detail;
  return failure.detail[0]?.msg ?? "Проверьте, что введено";
}
