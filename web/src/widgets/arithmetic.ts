/** Arithmetic typed into a number field: `+ - * / % ^`, parentheses and a leading sign. */

type Token = number | string;

const TOKEN = /\s*(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|[-+*/%^()])/y;

function tokens(text: string): Token[] | undefined {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const match = TOKEN.exec(text);
    const part = match?.[1];
    if (part === undefined) return undefined;
    found.push(/[\d.]/.test(part) ? Number(part) : part);
  }
  return found;
}

const STRENGTH: Readonly<Record<string, number>> = { "+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3 };

function apply(operator: string, left: number, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
    default:
      return left ** right;
  }
}

/** Evaluate what a person typed; `undefined` where it is no arithmetic or has no finite answer. */
export function evaluate(text: string): number | undefined {
  const read = tokens(text.replaceAll(",", "."));
  if (read === undefined || read.length === 0) return undefined;
  let at = 0;

  const operand = (): number => {
    const token = read[at++];
    if (typeof token === "number") return token;
    if (token === "-") return -climb(3);
    if (token === "+") return climb(3);
    if (token === "(") {
      const inner = climb(1);
      return read[at++] === ")" ? inner : Number.NaN;
    }
    return Number.NaN;
  };

  const climb = (least: number): number => {
    let left = operand();
    for (;;) {
      const operator = read[at];
      const strength = typeof operator === "string" ? STRENGTH[operator] : undefined;
      if (typeof operator !== "string" || strength === undefined || strength < least) return left;
      at += 1;
      left = apply(operator, left, climb(operator === "^" ? strength : strength + 1));
    }
  };

  const value = climb(1);
  return at === read.length && Number.isFinite(value) ? value : undefined;
}
