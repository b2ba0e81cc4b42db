// @ts-check
// The alerts of a program: one manager with one channel, and what became of each alert.

/** @typedef {"info" | "success" | "warning" | "critical"} Level */

export class Alerts {
  #name;
  #url;
  #tell;
  #count = 0;
  #waiting = 0;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {string} name @param {string} webhook @param {typeof import("./tell.mjs").tellParent} tell */
  constructor(name, webhook, tell) {
    this.#name = name;
    this.#url = `${webhook}/${name}`;
    this.#tell = tell;
  }

  /** @param {Level} level @param {string} key @param {string} title @param {string} body */
  send(level, key, title, body) {
    const id = `${this.#name} ${process.pid}-${++this.#count}`;
    this.#tell({ type: "alert", id, level, key, title });
    this.#waiting++;
    this.#last = this.#last.then(async () => {
      const text = `${title}: ${body} [${id}]`;
      for (;;) {
        const { ok, headers } = await fetch(this.#url, { method: "POST", body: JSON.stringify({ text }) });
        if (ok) break;
        await new Promise((resolve) => setTimeout(resolve, 1050 * Number(headers.get("retry-after") ?? 0)));
      }
      this.#waiting--;
    });
  }

  /** @param {string} key @param {string} title @param {string} body */
  resolve(key, title, body) {
    this.send("success", key, title, body);
  }

  async close() {
    await this.#last;
  }

  status() {
    return { asked: this.#count, waiting: this.#waiting };
  }
}
