/** The value of an input on a node: text at rest, the real control under the pointer or the keyboard. */

import { memo, useRef, useState } from "react";
import type { InputSpec } from "../catalogue/types";
import { setSeedMode, setValue } from "../commands/values";
import { isInputRef, isWired, literalOf } from "../documents/inputs";
import type { Json, NodeId, WorkflowNode } from "../documents/types";
import { useNodeView } from "../store/current";
import { edit, seal } from "../store/tabs";
import { canvasTexts } from "../texts/canvas";
import { Control } from "../widgets/Control";
import { emptyValue, widgetKind } from "../widgets/kinds";
import { ValueText } from "../widgets/ValueText";
import { CONTROLS, useStage } from "./stage";

interface WidgetRowProps {
  readonly id: NodeId;
  readonly node: WorkflowNode;
  readonly input: InputSpec;
}

export const WidgetRow = memo(function WidgetRow({ id, node, input }: WidgetRowProps) {
  const [live, setLive] = useState(false);
  const entered = useRef<"no" | "focus" | "press">("no");
  const row = useRef<HTMLDivElement>(null);
  const near = useStage((state) => state.camera.zoom >= CONTROLS);
  const random = useNodeView(id)?.seeds?.[input.name] !== undefined;
  const held = node.inputs[input.name];
  const value: Json = literalOf(held) ?? emptyValue(input);

  if (isWired(held)) {
    return (
      <div className="knob knob--wired" title={input.help}>
        <span className="knob__label">{input.label}</span>
        <span className="knob__value">
          {isInputRef(held) ? canvasTexts.valueOfInput(held.input) : canvasTexts.valueOfWire}
        </span>
      </div>
    );
  }
  if (!live || !near) {
    return (
      // biome-ignore lint/a11y/noStaticElementInteractions: it becomes the control when it is reached
      <div
        className="resting"
        title={input.help}
        tabIndex={near ? 0 : -1}
        onPointerEnter={(event) => near && event.pointerType === "mouse" && setLive(true)}
        onPointerDown={(event) => {
          // A finger, or a mouse that was faster than the control: the press is the control's.
          if (!near || event.button !== 0) return;
          event.stopPropagation();
          event.preventDefault();
          entered.current = "press";
          setLive(true);
        }}
        onFocus={() => {
          if (entered.current === "no") entered.current = "focus";
          setLive(true);
        }}
      >
        <ValueText input={input} value={value} random={random} />
      </div>
    );
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: watches when its control is left
    <div
      ref={(element) => {
        row.current = element;
        if (element && entered.current !== "no") enter(element, entered.current);
        entered.current = "no";
      }}
      className={`living living--${widgetKind(input)}`}
      title={input.help}
      onPointerLeave={() => {
        if (row.current && !inUse(row.current)) setLive(false);
      }}
      onBlur={(event) => {
        const { currentTarget, relatedTarget } = event;
        if (relatedTarget instanceof Node && currentTarget.contains(relatedTarget)) return;
        if (!currentTarget.matches(":hover") && !inUse(currentTarget)) setLive(false);
      }}
    >
      <Control
        input={input}
        value={value}
        label={input.label}
        compact
        onChange={(next, gesture) =>
          edit(setValue(id, input.name, next, gesture === undefined ? {} : { gesture }))
        }
        onSettled={seal}
        random={random}
        onRandom={(wanted) => edit(setSeedMode(id, input.name, wanted ? "random" : null))}
      />
    </div>
  );
});

/** Must the control stay? It has the focus, its list is open, or it is at work on something that was asked of it. */
function inUse(row: Element): boolean {
  return (
    row.contains(document.activeElement) || row.querySelector("[aria-expanded=true], [data-busy]") !== null
  );
}

/** Go on to the control that has just taken the place of its text; a press presses it. */
function enter(element: HTMLElement, how: "focus" | "press"): void {
  const control = element.querySelector<HTMLElement>(
    "input:not([hidden]), textarea, button:not([tabindex='-1']), [tabindex='0']",
  );
  control?.focus({ preventScroll: true });
  if (how === "press" && control instanceof HTMLButtonElement) control.click();
}
