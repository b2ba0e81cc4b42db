// The one-way rule: kernel <- process <- heartbeat-file <- a pattern's folder <- registry, configure, ... <- config <- auto, cli.
const fs = require("node:fs");
const path = require("node:path");

const src = path.join(__dirname, "src");
const isPattern = (folder) => folder !== "kernel" && fs.existsSync(path.join(src, folder, "descriptor.ts"));
/** Parts with an entry of their own, made of the patterns; the core comes without them. */
const apart = ["schedule", "alerts", "websocket", "http", "fastify", "hono", "telemetry"];
const APART = apart.join("|");
// The policies are many and small: one room for all of them.
const patterns = [
  ...fs.readdirSync(src).filter((name) => isPattern(name) && !apart.includes(name)),
  "policies",
];
const PATTERNS = patterns.join("|");
const WITHOUT_HEARTBEAT_FILE = patterns.filter((name) => !["heartbeat", "watchdog"].includes(name)).join("|");
const rule = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    rule("no-circular", "A cycle has no order to be read in; types count too.", {}, { circular: true }),
    rule(
      "kernel-stands-alone",
      "The kernel imports nothing of the rest.",
      { path: "^src/kernel/" },
      { path: "^src/", pathNot: "^src/kernel/" },
    ),
    rule(
      "patterns-import-the-kernel-alone",
      "What a pattern needs of another is an interface that it declares and the caller satisfies.",
      { path: `^src/(${PATTERNS})/` },
      { path: "^src/", pathNot: "^src/(?:kernel|process|heartbeat-file|$1)/" },
    ),
    rule(
      "redis-is-for-those-who-ask-for-it",
      "The core comes without it; of its section the configuration knows the descriptor.",
      { path: "^src/", pathNot: "^src/(?:redis|cli/redis)/" },
      { path: "^src/redis/" },
    ),
    rule(
      "redis-imports-downwards",
      "It knows the patterns, and nothing above them.",
      { path: "^src/redis/" },
      { path: "^src/(?:config|cli|testing)/" },
    ),
    rule(
      "parts-apart-are-for-those-who-ask-for-them",
      "The core knows the names of their sections and the types of their options, the configuration their descriptors.",
      { path: "^src/", pathNot: `^src/(?:(?:${APART}|redis)/|all-sections\\.ts$)` },
      { path: `^src/(?:${APART})/`, dependencyTypesNot: ["type-only"] },
    ),
    rule(
      "parts-apart-import-downwards",
      "They are made of the patterns, and know neither one another nor what is above.",
      { path: `^src/(${APART})/` },
      {
        path: "^src/",
        pathNot: `^src/(?:(?:kernel|process|http|${PATTERNS}|$1)/|resilient(?:-options)?\\.ts$)`,
      },
    ),
    rule(
      "pipelines-of-options-are-for-the-http-client",
      "It makes one for each origin; what else is apart is given its policies.",
      { path: `^src/(?:${APART})/`, pathNot: "^src/http/client/" },
      { path: "^src/resilient(?:-options)?\\.ts$" },
    ),
    rule(
      "frameworks-are-thin-shells-of-http",
      "One algorithm for all of them.",
      { path: "^src/(?:fastify|hono)/" },
      { path: "^src/", pathNot: "^src/(?:kernel|http|fastify|hono)/" },
    ),
    rule(
      "process-imports-the-kernel-alone",
      "What is known and done about processes and threads is below the patterns.",
      { path: "^src/process/" },
      { path: "^src/", pathNot: "^src/(?:kernel|process)/" },
    ),
    rule(
      "process-is-for-those-who-watch-or-end-one",
      "A circuit breaker and a rate limiter know nothing of processes and threads.",
      { path: "^src/(?:circuit-breaker|rate-limiter)/" },
      { path: "^src/process/" },
    ),
    rule(
      "heartbeat-file-is-for-those-who-write-and-watch-it",
      "The format is below the heartbeat, which writes it, and the watchdog, which watches it.",
      { path: `^src/(?:${WITHOUT_HEARTBEAT_FILE})/` },
      { path: "^src/heartbeat-file/" },
    ),
    rule(
      "heartbeat-file-imports-downwards",
      "It knows no pattern.",
      { path: "^src/heartbeat-file/" },
      { path: "^src/", pathNot: "^src/(?:kernel|process|heartbeat-file)/" },
    ),
    rule(
      "testing-imports-the-kernel-alone",
      "The manual clock must not bring a pattern along.",
      { path: "^src/testing/" },
      { path: "^src/", pathNot: "^src/(?:kernel|testing)/" },
    ),
    rule(
      "the-middle-imports-downwards",
      "registry, configure and their like know the patterns, and no YAML.",
      { path: "^src/[^/]+\\.ts$", pathNot: "^src/(?:index|auto)\\.ts$" },
      { path: "^src/(?:config|testing)/" },
    ),
    rule(
      "descriptors-stand-in-the-list-alone",
      "What is above the patterns reads the list; a pattern that imported its own would bring all its parts along.",
      { path: "^src/", pathNot: "^src/(?:descriptors|all-sections)\\.ts$" },
      { path: "^src/(?!kernel/).+/descriptor\\.ts$" },
    ),
    rule(
      "configuration-knows-patterns-by-their-descriptors",
      "What it says of one pattern it would have to say of each.",
      { path: "^src/(?:config/|cli/config/|(?:configure|registry-table)\\.ts$)" },
      { path: `^src/(?:${PATTERNS})/` },
    ),
    rule(
      "nobody-imports-an-entry",
      "They are for the outside; only the whole is made of parts.",
      { pathNot: "^src/(?:index|auto)\\.ts$" },
      { path: "^src/(?:index|auto)\\.ts$|^src/[^/]+/index\\.ts$" },
    ),
    rule(
      "config-imports-downwards",
      "The manual clock is for tests.",
      { path: "^src/(?:config/|auto\\.ts$)" },
      { path: "^src/testing/" },
    ),
    rule(
      "nobody-imports-the-command-line",
      "It is a program, on top of everything.",
      { path: "^src/", pathNot: "^src/cli/" },
      { path: "^src/cli/" },
    ),
    rule(
      "cli-imports-downwards",
      "The manual clock is for tests, an entry for the outside.",
      { path: "^src/cli/" },
      { path: "^src/(?:testing/|index\\.ts$|auto\\.ts$)" },
    ),
    rule(
      "core-reads-no-file",
      "The core comes without a YAML parser.",
      { path: "^src/index\\.ts$" },
      { path: "^src/(?:(?:config|testing)/|all-sections\\.ts$)", reachable: true },
    ),
    rule(
      "packages-in-config-alone",
      "Only config/ and its commands, and the fields of HTTP, have runtime dependencies.",
      { path: "^src/", pathNot: "^src/(?:(?:cli/)?config/|http/fields\\.ts$|websocket/socket\\.ts)" },
      { dependencyTypes: ["npm", "npm-optional", "npm-peer"] },
    ),
    rule(
      "no-undeclared-packages",
      "What src/ imports must be installed with the package, or be an optional peer that is loaded when it is needed.",
      { path: "^src/", pathNot: "^src/websocket/socket\\.ts" },
      { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "unknown"] },
    ),
    rule("resolvable", "Every import must lead somewhere.", { path: "^src/" }, { couldNotResolve: true }),
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types", "default"],
    },
  },
};
