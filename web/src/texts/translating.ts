/** Sentences found again by their templates, and said in another language. Loaded where there is one to say them in. */

export interface ProblemWords {
  /** Whole sentences, by the English ones. `tests/test_problem_texts.py` names those that are missing. */
  readonly sentences: Readonly<Record<string, string>>;
  /** What is put into sentences. */
  readonly parts: Readonly<Record<string, string>>;
}

interface Template {
  readonly sign: RegExp;
  /** Whether a place is within quotation marks: names and values of the user stay as they are. */
  readonly quoted: readonly boolean[];
  readonly own: string;
}

const PLACE = /\{(\d)\}/;
const PLACES = /\{(\d)\}/g;
const QUOTES = /[`'"„“”]/;
const DEEPEST = 4;

/** Returns what says a sentence in the words of a language, given what the nodes are called there. */
export function translator(words: ProblemWords, nameOf: (title: string) => string | undefined) {
  const whole = new Map(Object.entries({ ...words.sentences, ...words.parts }));
  const templates = [...whole].filter(([english]) => PLACE.test(english)).map(templateOf);
  templates.sort((one, other) => other.length - one.length);

  return function say(english: string, depth = 0): string {
    const known = whole.get(english) ?? nameOf(english);
    if (known !== undefined || depth > DEEPEST) return known ?? english;
    for (const { template } of templates) {
      const found = template.sign.exec(english);
      if (found === null) continue;
      const put = found.slice(1).map((part, place) => (template.quoted[place] ? part : say(part, depth + 1)));
      return template.own.replace(PLACES, (_, place: string) => put[Number(place)] ?? "");
    }
    return english;
  };
}

/** A template with the length of what is fixed in it: the longest that fits says most. */
function templateOf([english, own]: readonly [string, string]): { length: number; template: Template } {
  const parts = english.split(PLACES).filter((_, place) => place % 2 === 0);
  const escaped = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const quoted = parts
    .slice(1)
    .map((part, place) => QUOTES.test(parts[place]?.at(-1) ?? "") && QUOTES.test(part[0] ?? ""));
  return {
    length: parts.join("").length,
    template: { sign: new RegExp(`^${escaped.join("([^]*?)")}$`), quoted, own },
  };
}
