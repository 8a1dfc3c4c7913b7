/** Numbers as fields hold them: kept to their range and step, written without float noise. */

export interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly whole: boolean;
}

export function decimals(step: number): number {
  const text = step.toString();
  const exponent = text.indexOf("e-");
  if (exponent >= 0) return Number(text.slice(exponent + 2));
  const dot = text.indexOf(".");
  return dot < 0 ? 0 : text.length - dot - 1;
}

/** Keep a number inside its range; whole numbers stay whole. A step is for stepping: it never rounds what was typed. */
export function within(value: number, bounds: Bounds): number {
  const whole = bounds.whole ? Math.round(value) : value;
  return Math.min(bounds.max, Math.max(bounds.min, whole));
}

/** Move a number by so many steps, landing on the grid of the step. */
export function stepped(value: number, steps: number, bounds: Bounds): number {
  const places = Math.max(decimals(bounds.step), bounds.whole ? 0 : decimals(value));
  return within(Number((value + steps * bounds.step).toFixed(Math.min(places, 12))), bounds);
}

export function numberText(value: number | bigint, whole: boolean): string {
  if (typeof value === "bigint") return value.toString();
  if (whole || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(10)));
}
