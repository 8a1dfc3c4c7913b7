/** What several nodes have in common, to edit in all of them at once. */

import type { InputSpec, NodeSpec } from "../catalogue/types";
import { widgetKind } from "../widgets/kinds";

/** The inputs with a control that every spec has under the same name, type and kind of control. */
export function sharedInputs(specs: readonly NodeSpec[]): readonly InputSpec[] {
  const [first, ...rest] = specs;
  if (first === undefined) return [];
  return first.inputs.filter(
    (input) =>
      !input.socket &&
      rest.every((spec) =>
        spec.inputs.some(
          (other) =>
            other.name === input.name && other.type === input.type && widgetKind(other) === widgetKind(input),
        ),
      ),
  );
}
