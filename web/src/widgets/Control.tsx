/** The registry of controls: which component edits which kind of value. */

import type { FunctionComponent } from "react";
import { ChoiceField } from "./ChoiceField";
import { ColourField } from "./ColourField";
import { FileField } from "./FileField";
import { ImageField } from "./ImageField";
import { JsonField } from "./JsonField";
import { type WidgetKind, widgetKind } from "./kinds";
import { NumberField } from "./NumberField";
import { PromptField } from "./PromptField";
import type { WidgetProps } from "./props";
import { SeedField } from "./SeedField";
import { SwitchField } from "./SwitchField";
import { TextField } from "./TextField";

const CONTROLS: Readonly<Record<WidgetKind, FunctionComponent<WidgetProps>>> = {
  int: NumberField,
  float: NumberField,
  seed: SeedField,
  text: TextField,
  multiline: PromptField,
  choice: ChoiceField,
  file: FileField,
  image: ImageField,
  boolean: SwitchField,
  colour: ColourField,
  json: JsonField,
};

export function Control(props: WidgetProps) {
  const Field = CONTROLS[widgetKind(props.input)];
  return <Field {...props} />;
}
