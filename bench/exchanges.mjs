// Requests and responses of node:http without a socket, so that the network is not measured, one after the other.
import http from "node:http";
import { median } from "./measure.mjs";

/** Of a limit that nobody reaches. */
export const PLENTY = 1_000_000_000;
// Its buckets are not full again at once, so that clients stay known, as those of the others do.
export const LIMIT = { rate: 1, per: "1h", burst: PLENTY };
// Small batches, so that what is made before them does not outlive them, and many.
export const HOW = { size: 200, batches: 401 };

const sockets = Array.from({ length: 1024 }, (_, at) => ({
  remoteAddress: `192.0.${at >> 8}.${at & 255}`,
  encrypted: false,
}));
let count = 0;

/** A request of one of a thousand clients, and its response. */
function exchange() {
  const request = new http.IncomingMessage(sockets[count++ & 1023]);
  request.url = "/";
  request.method = "GET";
  return [request, new http.ServerResponse(request)];
}

const prepare = (n) => Array.from({ length: n }, exchange);

/** Runs exchanges one after the other. `start` calls back when one has gone through, at once or later. */
export const inTurn = (start) =>
  Object.assign(
    async (exchanges) => {
      let through = 0;
      for (const [request, response] of exchanges) {
        let isThrough = false;
        let resume;
        start(request, response, () => {
          isThrough = true;
          resume?.();
        });
        // Those that are done need not wait for a promise.
        if (!isThrough) await new Promise((resolve) => (resume = resolve));
        through++;
      }
      return through;
    },
    { prepare },
  );

/** The medians and not those of the differences: of times this near to each other, differences can be of any sign. */
export const added = (all, name) => median(all[name]) - median(all.nothing);

/** The row of the time that ours adds. */
export const time = (id, label, all) => ({ id, label, value: added(all, "ours"), unit: "ns" });

/** The row of the time that ours adds, beside another's. */
export const beside = (id, label, all, name, missing) =>
  all?.[name]
    ? { id, label, value: added(all, "ours") / added(all, name), unit: "x", max: 0.5 }
    : { id, label, missing };
