/** Vitest reporter: one machine- and human-readable closing line. */
export default class ClosingLine {
  #t0 = performance.now();
  onTestRunEnd(modules, unhandledErrors, reason) {
    const n = { passed: 0, failed: 0, skipped: 0 };
    const why = new Set();
    for (const m of modules) {
      if (m.state() === "failed" && m.errors().length) n.failed++;
      for (const t of m.children.allTests()) {
        const r = t.result();
        if (r.state in n) n[r.state]++;
        if (r.state === "skipped") why.add(r.note ?? t.parent?.name ?? t.name);
      }
    }
    const s = ((performance.now() - this.#t0) / 1000).toFixed(1);
    console.log(
      `${reason === "passed" && !unhandledErrors.length ? "OK" : "FAILED"}: ${n.passed} passed, ${n.failed} failed, ${n.skipped} skipped${why.size ? ` [${[...why].join("; ")}]` : ""}, ${unhandledErrors.length} unhandled, ${s} s`,
    );
  }
}
