/** Weights in a prompt: `(words:1.2)` around a selection, raised and lowered a step at a time. */

export interface Selected {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const WEIGHT = /^\(([\s\S]*):(-?\d+(?:\.\d+)?)\)$/;

function wordAround(text: string, at: number): readonly [number, number] {
  const stop = /[\s,.;:()]/;
  let start = at;
  let end = at;
  while (start > 0 && !stop.test(text[start - 1] ?? " ")) start -= 1;
  while (end < text.length && !stop.test(text[end] ?? " ")) end += 1;
  return [start, end];
}

/** The innermost `(…:n)` that holds the selection, if there is one. */
function groupAround(text: string, start: number, end: number): readonly [number, number] | undefined {
  for (let open = start; open >= 0; open -= 1) {
    if (text[open] !== "(") continue;
    let depth = 0;
    for (let close = open; close < text.length; close += 1) {
      if (text[close] === "(") depth += 1;
      if (text[close] === ")") depth -= 1;
      if (depth > 0) continue;
      if (close + 1 >= end && WEIGHT.test(text.slice(open, close + 1))) return [open, close + 1];
      break;
    }
  }
  return undefined;
}

/** Change the weight of the selected words, or of the word at the caret; a weight of 1 loses its brackets. */
export function reweighted({ text, start, end }: Selected, change: number): Selected {
  const group = groupAround(text, start, end);
  const [from, to] = group ?? (start === end ? wordAround(text, start) : trimmed(text, start, end));
  if (from === to) return { text, start, end };
  const match = group ? WEIGHT.exec(text.slice(from, to)) : null;
  const words = match?.[1] ?? text.slice(from, to);
  const weight = Math.round((Number(match?.[2] ?? 1) + change) * 100) / 100;
  const next = weight === 1 ? words : `(${words}:${weight})`;
  const lead = weight === 1 ? 0 : 1;
  return {
    text: text.slice(0, from) + next + text.slice(to),
    start: from + lead,
    end: from + lead + words.length,
  };
}

function trimmed(text: string, start: number, end: number): readonly [number, number] {
  let from = start;
  let to = end;
  while (from < to && /\s/.test(text[from] ?? "")) from += 1;
  while (to > from && /\s/.test(text[to - 1] ?? "")) to -= 1;
  return [from, to];
}
