import { once } from "node:events";
import type http from "node:http";
import type http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** Has a server listen on loopback until the test has finished. @returns its URL. */
export async function listening(server: http.Server | http2.Http2Server): Promise<string> {
  if (!server.listening) await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(async () => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
