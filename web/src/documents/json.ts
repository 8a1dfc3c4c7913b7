/** JSON text without loss: integers beyond 2^53 are big integers on both ways. */

import type { Json } from "./types";

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const LINE_WIDTH = 100;

/**
 * Reads JSON text.
 * @throws SyntaxError where the text is not JSON.
 */
export function parseJson(text: string): Json {
  // A mark that the text does not hold tells our quoted integers from its strings.
  let mark = "integer:";
  while (text.includes(mark)) mark = `~${mark}`;
  const marked = text.replace(STRING_OR_NUMBER, (token) => (isUnsafe(token) ? `"${mark}${token}"` : token));
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  ) as Json;
}

function isUnsafe(token: string): boolean {
  return /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token));
}

/** One line, as it goes over the wire. */
export function compactJson(value: Json | undefined): string {
  if (value === undefined) return "null";
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(compactJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${compactJson(item)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** Indented by two, with whatever fits on a line on one line, so that files diff line by line. */
export function formatJson(value: Json): string {
  return `${formatted(value, 0, 0)}\n`;
}

function formatted(value: Json, depth: number, used: number): string {
  if (typeof value !== "object" || value === null) return compactJson(value);
  const line = spaced(value);
  // The outermost levels always break: a node is a line of its own, whatever its neighbours are.
  if (depth > 1 && depth * 2 + used + line.length <= LINE_WIDTH) return line;
  const inner = "  ".repeat(depth + 1);
  const outer = "  ".repeat(depth);
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((item) => inner + formatted(item, depth + 1, 0)).join(",\n")}\n${outer}]`;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return "{}";
  const lines = entries.map(([key, item]) => {
    const name = `${JSON.stringify(key)}: `;
    return inner + name + formatted(item, depth + 1, name.length);
  });
  return `{\n${lines.join(",\n")}\n${outer}}`;
}

function spaced(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value !== "object" || value === null) return compactJson(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${spaced(item)}`)
    .join(", ")}}`;
}
