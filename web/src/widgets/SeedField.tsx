/** A seed: a number that can be drawn anew, now or before each run. */

import { Dices, Repeat } from "lucide-react";
import { canvasTexts } from "../texts/canvas";
import { NumberField } from "./NumberField";
import type { WidgetProps } from "./props";

/** Seeds are drawn below 2^53, so that every program can hold them. */
export function freshSeed(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return ((high ?? 0) & 0x1fffff) * 2 ** 32 + (low ?? 0);
}

export function SeedField(props: WidgetProps) {
  const { onChange, onSettled, random, onRandom } = props;
  return (
    <div className="seed-field">
      <NumberField {...props} />
      <button
        type="button"
        className="knob__button"
        aria-label={canvasTexts.random}
        title={canvasTexts.random}
        onClick={() => {
          onChange(freshSeed());
          onSettled();
        }}
      >
        <Dices size={14} />
      </button>
      {onRandom && (
        <button
          type="button"
          className="knob__button"
          aria-pressed={random === true}
          aria-label={canvasTexts.randomEachRun}
          title={canvasTexts.randomEachRun}
          onClick={() => onRandom(random !== true)}
        >
          <Repeat size={13} />
        </button>
      )}
    </div>
  );
}
