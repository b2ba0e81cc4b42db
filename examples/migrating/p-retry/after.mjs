// The same with this package.
import { Retry } from "@kstlib/resilience";

class PermanentError extends Error {}
const retry = new Retry({
  attempts: 4,
  delay: { initial: "10ms", factor: 2, jitter: "none" },
  retryIf: ({ status, reason }) => status === "rejected" && !(reason instanceof PermanentError),
});
const failed = (attempt, { reason }) =>
  console.log(`attempt ${attempt}: ${reason.message}, ${4 - attempt} left`);
retry.on("retry", ({ attempt, outcome }) => failed(attempt, outcome));
retry.on("exhausted", ({ attempts, outcome }) => failed(attempts, outcome));

async function load(path, attempt) {
  if (path === "/missing") throw new PermanentError("404");
  if (path === "/down" || attempt < 3) throw new Error("503");
  return `${path} at attempt ${attempt}`;
}

for (const path of ["/busy", "/down", "/missing"]) {
  try {
    console.log(await retry.execute(({ attempt }) => load(path, attempt)));
  } catch (error) {
    console.log(`${path}: ${error.message}`);
  }
}
