/** What every control is given, and how it answers. */

import type { InputSpec } from "../catalogue/types";
import type { Json } from "../documents/types";

export interface WidgetProps {
  readonly input: InputSpec;
  readonly value: Json;
  /** Names the field to people who do not see its label beside it. */
  readonly label: string;
  /** The control stands on a node rather than in a form: smaller, with its label inside. */
  readonly compact: boolean;
  readonly invalid?: boolean;
  /** Changes of one drag or of one burst of typing carry the same gesture and are one entry of the history. */
  readonly onChange: (value: Json, gesture?: string) => void;
  /** The gesture is over. */
  readonly onSettled: () => void;
  /** For seeds: is a new one drawn before each run, and the way to say so. */
  readonly random?: boolean;
  readonly onRandom?: (random: boolean) => void;
}

let gestures = 0;

export function freshGesture(name: string): string {
  gestures += 1;
  return `${name}:${gestures}`;
}
