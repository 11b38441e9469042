/** Writes what is made from the code: `crds/` and parts of `docs/`. A test fails where that differs. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CRDS, generatedFiles } from "./generated.ts";

const at = (path: string): string => join(import.meta.dirname, "../..", path);

const files = generatedFiles((path) => readFileSync(at(path), "utf8"));
rmSync(at(CRDS), { recursive: true, force: true });
mkdirSync(at(CRDS));
for (const [path, text] of files) writeFileSync(at(path), text);
