/** One of a fixed set of names. */

import { canvasTexts } from "../texts/canvas";
import { optionsOf } from "./kinds";
import { PickList } from "./PickList";
import type { WidgetProps } from "./props";
import { plainText } from "./ValueText";

export function ChoiceField({ input, value, label, compact, invalid, onChange, onSettled }: WidgetProps) {
  const options = optionsOf(input);
  const text = plainText(value);
  return (
    <PickList
      label={label}
      compact={compact}
      value={text}
      invalid={invalid === true || !options.includes(text)}
      options={options.map((option) => ({ value: option }))}
      empty={canvasTexts.nothingFound}
      onPick={(next) => {
        onChange(next);
        onSettled();
      }}
    />
  );
}
