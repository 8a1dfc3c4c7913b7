/** Completing `embedding:name` in a prompt. Pure. */

export interface Completing {
  /** Where the name begins in the text. */
  readonly start: number;
  readonly options: readonly string[];
}

const MOST = 8;
const BEFORE_CARET = /\bembedding:([\w./-]*)$/i;

/** What may be completed at the caret, out of the files of the folder. */
export function completing(text: string, caret: number, files: readonly string[]): Completing | undefined {
  const match = BEFORE_CARET.exec(text.slice(0, caret));
  if (match === null) return undefined;
  const begun = (match[1] ?? "").toLowerCase();
  const names = files.map((file) => file.replace(/\.[^./]+$/, ""));
  const options = names.filter((name) => name.toLowerCase().includes(begun) && name.toLowerCase() !== begun);
  const first = (name: string): number => (name.toLowerCase().startsWith(begun) ? 0 : 1);
  const ordered = options.toSorted((one, other) => first(one) - first(other)).slice(0, MOST);
  return ordered.length === 0 ? undefined : { start: caret - begun.length, options: ordered };
}

export function completed(text: string, caret: number, start: number, name: string): string {
  return text.slice(0, start) + name + text.slice(caret);
}
