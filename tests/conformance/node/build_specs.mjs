// Bundles the specs of pusher-js's own package as they are; ours are the account they run on and the address.
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const here = process.cwd();
const suite = join(here, "suite"); // among packages, .js would go before .ts of the same name
cpSync(join(here, "node_modules", "pusher-js"), suite, { recursive: true });
const helpers = join(suite, "spec", "javascripts", "helpers");
const core = join(suite, "spec", "javascripts", "integration", "core");
const specs = readdirSync(core).filter((name) => /_spec(\.js)?$/.test(name));
const begin = "globalThis.JUDGED = JSON.parse(process.env.JUDGED);";
const lines = specs.map((name) => `require(${JSON.stringify(join(core, name))})(JUDGED.configs);`);

await build({
  stdin: { contents: [begin, ...lines].join("\n"), resolveDir: here },
  bundle: true, platform: "node", outfile: join(here, "specs.cjs"), logLevel: "warning",
  nodePaths: ["src/runtimes/node", "src", "src/runtimes"].map((place) => join(suite, place)).concat(helpers),
  alias: {
    pusher_integration: join(here, "judged.cjs"),
    integration: join(here, "integration.cjs"),
    testenv: join(here, "testenv.cjs"),
    "dom/dependencies": join(helpers, "node", "mock-dom-dependencies.ts"),
    "dom/dependency_loader": join(helpers, "node", "mock-dom-dependencies.ts"),
  },
  define: { VERSION: '"8.6.0"', RUNTIME: '"node"', CDN_HTTP: '""', CDN_HTTPS: '""', DEPENDENCY_SUFFIX: '""' },
  // The compiler of the package's own build assigns its fields.
  tsconfigRaw: { compilerOptions: { target: "ES6", useDefineForClassFields: false } },
});
