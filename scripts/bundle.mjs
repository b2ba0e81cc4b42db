// Makes the JavaScript of dist/ from the sources.
import path from "node:path";
import { transform } from "esbuild";
import { rollup } from "rollup";
import { root } from "./setup.mjs";
import { threadPrograms } from "./thread-programs.mjs";

const source = path.join(root, "src");

/** Bundles modules of `src/`, named without extension, to files of the same names. */
export async function bundle(names, output, plugins = []) {
  const modules = await rollup({
    input: Object.fromEntries(names.map((name) => [name, path.join(source, `${name}.ts`)])),
    plugins: [...plugins, threadPrograms, typescript],
    external: (name) => !/^[./]/.test(name),
    preserveEntrySignatures: "strict",
    onLog(level, { message }) {
      if (level === "warn") throw new Error(message);
    },
  });
  await modules.write({
    ...output,
    entryFileNames: "[name].js",
    chunkFileNames: ({ name, moduleIds: [first] }) =>
      nameOf(first).startsWith("cli/") && !name.includes("/") ? "cli/[name].js" : "[name].js",
    plugins: [
      withoutComments,
      ...(output.format === "es" ? [builtinsTakenFromProcess, constantsArePure] : []),
    ],
    hoistTransitiveImports: false,
    minifyInternalExports: false,
    generatedCode: { preset: "es2015", symbols: false },
    esModule: true,
    externalLiveBindings: false,
    interop: "default",
    freeze: false,
  });
  await modules.close();
}

/** A source's name below `src/`, without ending. */
export const nameOf = (file) => path.relative(source, file).replaceAll("\\", "/").replace(/\.ts$/, "");

/** The chunk of a module where several entries share it: its folder's. `undefined` leaves it to Rollup. */
export function chunkOf(file) {
  const name = nameOf(file);
  const [folder, ...rest] = name.split("/");
  if (name === "index" || name === "auto") return undefined;
  // What makes pipelines is also for the HTTP client, which needs nothing else of those files.
  if (/^resilient(?:-options)?$/.test(name)) return "resilient";
  // In the kernel's chunk every pattern would load it.
  if (rest.length === 0 || name === "kernel/config-error") return "configuration";
  // Code shared by the commands; each command is loaded alone.
  if (folder === "cli") return rest.length === 1 ? "cli/shared" : undefined;
  // A server has no need of a client's policies; the fields are for both.
  if (folder === "http" && rest[0] !== "index") return `http-${rest[0]}`;
  // What the configuration knows of a part that is loaded only by those who use it.
  if (
    /^(?:schedule|alerts|websocket)\/(?:descriptor|options|option-rules|time-zone|definitions|messages|channel|channel-rules|nested)$/.test(
      name,
    )
  )
    return `${folder}-section`;
  return folder;
}

const typescript = {
  name: "typescript",
  resolveId(name, importer) {
    if (importer === undefined || !name.startsWith(".")) return null;
    return path.resolve(path.dirname(importer), name.replace(/\.js$/, ".ts"));
  },
  async transform(text, file) {
    const { code } = await transform(text, { loader: "ts", target: "node20", sourcefile: file });
    return { code, map: null };
  },
};

/**
 * Removes comments, and keeps names and line breaks, so that a stack trace reads like the sources. esbuild removes
 * comments only when it minifies whitespace; printing the result again restores the layout.
 */
const withoutComments = {
  name: "without-comments",
  async renderChunk(text) {
    const options = { loader: "js", target: "node20", legalComments: "none" };
    const bare = await transform(text, { ...options, minifyWhitespace: true });
    const { code } = await transform(bare.code, options);
    return { code, map: null };
  },
};

/** Whether a bundler must assume that the value of a constant has side effects. */
function computes(node) {
  switch (node.type) {
    case "CallExpression":
    case "NewExpression":
    case "SpreadElement":
    case "MemberExpression":
      return true;
    case "LogicalExpression":
      return computes(node.left) || computes(node.right);
    case "ObjectExpression":
      return node.properties.some((each) => computes(each.value ?? each));
    default:
      return false;
  }
}

/**
 * Marks the values of a file's constants as free of side effects, so that a bundler leaves out the constants that
 * a program does not use.
 */
const constantsArePure = {
  name: "constants-are-pure",
  renderChunk(text) {
    const constants = this.parse(text)
      .body.map((node) => (node.type === "ExportNamedDeclaration" ? node.declaration : node))
      .filter((node) => node?.type === "VariableDeclaration")
      .flatMap(({ declarations }) => declarations)
      .filter(({ id, init }) => id.type === "Identifier" && init !== null);
    let code = text;
    for (const { init } of constants.toReversed()) {
      const value = code.slice(init.start, init.end);
      if (!computes(init) || code.slice(0, init.start).endsWith("@__PURE__ */ ")) continue;
      // Only a call can be marked, and what it is called with would stay.
      const isCall = init.type === "CallExpression" || init.type === "NewExpression";
      const pure =
        !isCall || init.arguments.some(computes)
          ? `/* @__PURE__ */ (() => (${value}))()`
          : `/* @__PURE__ */ ${value}`;
      code = code.slice(0, init.start) + pure + code.slice(init.end);
    }
    return { code, map: null };
  },
};

/**
 * Gets the modules of Node by `process.getBuiltinModule`. An `import` reads every property of the module, also those that
 * Node loads on first use: with `node:fs` it loads streams, with `node:util` a parser.
 */
const builtinsTakenFromProcess = {
  name: "builtins-taken-from-process",
  renderChunk(text) {
    const [head] = /^(?:#!.*\n)?(?:import [^;]*;\n)*/.exec(text);
    const taken = head.replaceAll(
      /^import (?:(\w+)(?:, )?)?(?:\{([^}]*)\})? ?from "(node:[^"]+)";$/gm,
      (_statement, whole, names, module) => {
        const got = `process.getBuiltinModule("${module}")`;
        const statements = whole === undefined ? [] : [`const ${whole} = ${got};`];
        const parts = names?.replaceAll(" as ", ": ");
        if (parts !== undefined) statements.push(`const {${parts}} = ${whole ?? got};`);
        return statements.join("\n");
      },
    );
    if (/\bfrom "node:/.test(taken)) throw new Error(`an import of another form: ${taken}`);
    return { code: taken + text.slice(head.length), map: null };
  },
};
