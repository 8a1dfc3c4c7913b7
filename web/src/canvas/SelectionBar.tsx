/** What can be done with several nodes at once, at hand while they are selected. */

import {
  AlignCenterHorizontal,
  AlignCenterVertical,
  AlignEndHorizontal,
  AlignEndVertical,
  AlignHorizontalDistributeCenter,
  AlignStartHorizontal,
  AlignStartVertical,
  AlignVerticalDistributeCenter,
  Ban,
  Boxes,
  CornerDownRight,
  Frame,
  type LucideIcon,
  Trash2,
  Wand2,
} from "lucide-react";
import { chordText, perform, useActions } from "../store/actions";
import { activeTab, useTabs } from "../store/tabs";
import { canvasTexts } from "../texts/canvas";
import { useStage } from "./stage";

const GROUPS: readonly (readonly (readonly [action: string, icon: LucideIcon])[])[] = [
  [
    ["arrange.left", AlignStartVertical],
    ["arrange.centre", AlignCenterVertical],
    ["arrange.right", AlignEndVertical],
    ["arrange.top", AlignStartHorizontal],
    ["arrange.middle", AlignCenterHorizontal],
    ["arrange.bottom", AlignEndHorizontal],
  ],
  [
    ["arrange.across", AlignHorizontalDistributeCenter],
    ["arrange.down", AlignVerticalDistributeCenter],
    ["arrange.tidy", Wand2],
  ],
  [
    ["arrange.frame", Frame],
    ["node.group", Boxes],
    ["node.mute", Ban],
    ["node.bypass", CornerDownRight],
    ["node.delete", Trash2],
  ],
];

export function SelectionBar() {
  const count = useTabs((state) => activeTab(state)?.selection.size ?? 0);
  const busy = useStage((state) => state.shift !== undefined || state.lasso !== undefined);
  const actions = useActions((state) => state.actions);
  if (count < 2 || busy) return null;
  return (
    <div className="selection-bar" role="toolbar" aria-label={canvasTexts.selected(count)}>
      <span className="selection-bar__count">{canvasTexts.selected(count)}</span>
      {GROUPS.map((group) => (
        <div key={group[0]?.[0]} className="selection-bar__group">
          {group.map(([id, Icon]) => {
            const action = actions.get(id);
            if (action === undefined) return null;
            const [keys] = action.keys;
            return (
              <button
                key={id}
                type="button"
                className="icon-button"
                aria-label={action.title}
                title={keys ? `${action.title} (${chordText(keys)})` : action.title}
                onClick={() => perform(id)}
              >
                <Icon size={15} />
              </button>
            );
          })}
        </div>
      ))}
    </div>
  );
}
