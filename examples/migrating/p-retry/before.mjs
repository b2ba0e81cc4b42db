// p-retry: a call that recovers, one that is given up, and one that must not be retried.
import pRetry, { AbortError } from "p-retry";

const options = {
  retries: 3,
  minTimeout: 10,
  factor: 2,
  onFailedAttempt: ({ attemptNumber, retriesLeft, error }) =>
    console.log(`attempt ${attemptNumber}: ${error.message}, ${retriesLeft} left`),
};

async function load(path, attempt) {
  if (path === "/missing") throw new AbortError("404");
  if (path === "/down" || attempt < 3) throw new Error("503");
  return `${path} at attempt ${attempt}`;
}

for (const path of ["/busy", "/down", "/missing"]) {
  try {
    console.log(await pRetry((attempt) => load(path, attempt), options));
  } catch (error) {
    console.log(`${path}: ${error.message}`);
  }
}
