import { must, NotApplicable } from "../outside.mjs";

// From version 8 on the requests of a pool name their origin.
const judged = (name, oldest) => ({
  id: name,
  title: `\`resilienceInterceptor\` with ${name.replace("-", " ")}`,
  async judge(outside) {
    const { family, version } = outside.runtime;
    const [major, minor] = version.split(".").map(Number);
    if (family === "node" && (major < oldest[0] || (major === oldest[0] && minor < oldest[1])))
      throw new NotApplicable(`it needs Node.js ${oldest.join(".")}`);
    if (family === "bun" && name === "undici")
      throw new NotApplicable("Bun puts its own in place of this package");
    const program = outside.start("undici.mjs", [name]);
    const { answers, asked, origins } = await program.event("over");
    must(
      answers.join() === "200,GET 2,404,GET 4" && asked === 4 && /^origin(,pool 1)?$/.test(origins.join()),
      `it said ${JSON.stringify({ answers, asked, origins })}`,
    );
    await program.endsWith(0);
    must(program.warning === undefined, JSON.stringify(program.warning));
  },
});

export const undici = [judged("undici", [20, 18]), judged("undici-8", [22, 19])];
