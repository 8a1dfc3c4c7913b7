/** The rail: one button for each panel of the dock. */

import {
  Boxes,
  Images,
  Keyboard,
  LayoutTemplate,
  LibraryBig,
  ListOrdered,
  ListTree,
  type LucideIcon,
  Settings2,
} from "lucide-react";
import { chordText, perform, useActions } from "../store/actions";
import { type LeftPanel, toggleLeft, useShell } from "../store/shell";
import { appTexts } from "../texts/app";
import { useQueueLength } from "./queue";

const PANELS: readonly (readonly [panel: LeftPanel, icon: LucideIcon])[] = [
  ["nodes", Boxes],
  ["outline", ListTree],
  ["library", LibraryBig],
  ["templates", LayoutTemplate],
  ["gallery", Images],
  ["queue", ListOrdered],
];

export function Rail() {
  const left = useShell((state) => state.left);
  const actions = useActions((state) => state.actions);
  const queue = useQueueLength();
  return (
    <nav className="rail" aria-label={appTexts.panels}>
      {PANELS.map(([panel, Icon]) => {
        const action = actions.get(`panel.${panel}`);
        const title = action?.title ?? panel;
        return (
          <button
            key={panel}
            type="button"
            className="rail__button"
            aria-label={panel === "queue" && queue > 0 ? appTexts.queue(queue) : title}
            aria-pressed={left === panel}
            title={`${title} (${chordText(action?.keys[0] ?? "")})`}
            onClick={() => toggleLeft(panel)}
          >
            <Icon size={19} strokeWidth={1.7} />
            {panel === "queue" && queue > 0 && <span className="rail__count">{queue}</span>}
          </button>
        );
      })}
      <span className="spacer" />
      <button
        type="button"
        className="rail__button"
        aria-label={appTexts.keys}
        title={`${appTexts.keys} (?)`}
        onClick={() => perform("app.keys")}
      >
        <Keyboard size={19} strokeWidth={1.7} />
      </button>
      <button
        type="button"
        className="rail__button"
        aria-label={appTexts.settings}
        title={appTexts.settings}
        onClick={() => perform("app.settings")}
      >
        <Settings2 size={19} strokeWidth={1.7} />
      </button>
    </nav>
  );
}
