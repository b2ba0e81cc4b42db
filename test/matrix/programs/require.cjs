// The CommonJS build; an error of one build is recognised by the other.
const { ResilienceError } = require("@kstlib/resilience");

async function compare() {
  const esm = await import("@kstlib/resilience");
  const error = new ResilienceError("ERR_SHOWN", "shown");
  const known = error instanceof esm.ResilienceError;
  console.log(JSON.stringify({ event: "required", name: error.name, known }));
}

void compare();
