import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOTS = [
  "index.html",
  "package-lock.json",
  "public",
  "scripts",
  "src",
  "tsconfig.json",
  "vite.config.ts",
];

function filesUnder(root: string, path: string): string[] {
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    const child = `${path}/${entry.name}`;
    return entry.isDirectory() ? filesUnder(root, child) : [child];
  });
}

/**
 * A hash of everything that the bundle is built from: for each file, sorted by its path, the path, a zero
 * byte, the contents, a zero byte. Tests do not count, and carriage returns are dropped, so that a checkout
 * with Windows line ends hashes the same. `tests/web/test_bundle.py` computes the same value.
 */
export function hashSources(root: string): string {
  const top = new Set(readdirSync(root));
  const files = ROOTS.filter((name) => top.has(name)).flatMap((name) =>
    /\.[a-z]+$/.test(name) ? [name] : filesUnder(root, name),
  );
  const hash = createHash("sha256");
  for (const file of files.filter((name) => !/\.test\.tsx?$|\/fixtures\//.test(name)).sort()) {
    const contents = readFileSync(join(root, file)).toString("latin1").replaceAll("\r", "");
    hash.update(file).update("\0").update(contents, "latin1").update("\0");
  }
  return hash.digest("hex");
}
