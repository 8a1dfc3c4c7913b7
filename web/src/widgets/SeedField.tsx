/** A seed: a number that can be drawn anew, now or before each run. */

import { Dices, Repeat } from "lucide-react";
import { randomSeed } from "../runs/seeds";
import { canvasTexts } from "../texts/canvas";
import { NumberField } from "./NumberField";
import type { WidgetProps } from "./props";

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
          onChange(randomSeed());
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
