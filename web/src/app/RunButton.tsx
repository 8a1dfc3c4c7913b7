/** Run, with what a run would compute; stop, while one is going. */

import { ChevronDown, Play, Square } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { CSSProperties } from "react";
import { stage } from "../canvas/stage";
import { chordText, perform } from "../store/actions";
import { useDocumentId, useTab } from "../store/current";
import { usePlan } from "../store/plan";
import { run } from "../store/run";
import { useDocumentRun } from "../store/runs";
import { appTexts } from "../texts/app";

const TIMES = [2, 4, 8, 16];

export function RunButton() {
  const id = useDocumentId();
  const current = useDocumentRun(id);
  const plan = usePlan();
  const going = current?.state === "running" || current?.state === "queued";
  const share = current && current.total > 0 ? current.done / current.total : 0;
  const label = plan ? appTexts.runPlan(plan.run, plan.total) : appTexts.run;
  return (
    <div className="run">
      {going && (
        <button
          type="button"
          className="button run__stop"
          title={`${appTexts.stop} (${chordText("Mod+.")})`}
          onClick={() => perform("run.stop")}
        >
          <Square size={11} fill="currentColor" aria-hidden="true" />
          {appTexts.stop}
          <span className="run__progress">
            {current.state === "queued"
              ? appTexts.queued
              : current.total > 0
                ? `${current.done}/${current.total}`
                : ""}
          </span>
          <span className="run__bar" style={{ "--done": `${share * 100}%` } as CSSProperties} />
        </button>
      )}
      <div className="run__group">
        <button
          type="button"
          className="button button--primary run__start"
          title={`${label} (${chordText("Mod+Enter")})`}
          onClick={() => {
            // From here on the results are what is to be seen, also where the pointer stays.
            foresee(false);
            perform("run.run");
          }}
          onPointerEnter={() => foresee(true)}
          onPointerLeave={() => foresee(false)}
        >
          <Play size={13} fill="currentColor" aria-hidden="true" />
          <span className="run__label">{label}</span>
        </button>
        <More />
      </div>
    </div>
  );
}

/** Shows on the canvas what a run would compute, or no longer. */
function foresee(foreseeing: boolean): void {
  stage.setState({ foreseeing });
}

function More() {
  const selected = (useTab()?.selection.size ?? 0) > 0;
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <button type="button" className="button button--primary run__more" aria-label={appTexts.runMore}>
          <ChevronDown size={14} />
        </button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={6} collisionPadding={8}>
          {TIMES.map((count) => (
            <DropdownMenu.Item key={count} className="menu__item" onSelect={() => void run({ count })}>
              {appTexts.runTimes(count)}
            </DropdownMenu.Item>
          ))}
          <DropdownMenu.Separator className="menu__separator" />
          <DropdownMenu.Item
            className="menu__item"
            disabled={!selected}
            onSelect={() => perform("node.runTo")}
          >
            {appTexts.runSelection}
          </DropdownMenu.Item>
          <DropdownMenu.Item className="menu__item" onSelect={() => perform("run.front")}>
            {appTexts.runFront}
            <span className="menu__key">{chordText("Mod+Shift+Enter")}</span>
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
