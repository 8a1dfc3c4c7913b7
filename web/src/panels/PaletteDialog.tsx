/** Everything by name: actions with their keys, and nodes to add. */

import { Command } from "cmdk";
import { useState } from "react";
import { addOffered } from "../canvas/adding";
import { categoryLabel } from "../catalogue/categories";
import { type Action, chordText, useActions } from "../store/actions";
import { useModelFolders } from "../store/folders";
import { useNodeSearch } from "../store/offers";
import { texts } from "../texts/panels";
import { PickDialog } from "./PickDialog";

const NODES_SHOWN = 12;

export function PaletteDialog() {
  const actions = useActions((state) => state.actions);
  const search = useNodeSearch();
  useModelFolders();
  const [query, setQuery] = useState("");
  const all = [...actions.values()];
  // Unasked, only what can be done now is offered; who searches also finds what cannot, and why its key is dead.
  const found = matching(query === "" ? all.filter((action) => action.enabled?.() !== false) : all, query);
  const nodes = query.trim() === "" ? [] : search(query).slice(0, NODES_SHOWN);
  return (
    <PickDialog
      title={texts.palette.title}
      placeholder={texts.palette.placeholder}
      query={query}
      onQuery={setQuery}
      found
    >
      {(act) => (
        <>
          {groupsOf(found).map(([group, members]) => (
            <Command.Group key={group} heading={texts.palette.groups[group] ?? group}>
              {members.map((action) => (
                <Command.Item
                  key={action.id}
                  value={action.id}
                  className="menu__item"
                  disabled={action.enabled?.() === false}
                  onSelect={() => act(action.run)}
                >
                  {action.title}
                  {action.keys[0] !== undefined && (
                    <span className="menu__key">{chordText(action.keys[0])}</span>
                  )}
                </Command.Item>
              ))}
            </Command.Group>
          ))}
          {nodes.length > 0 && (
            <Command.Group heading={texts.palette.nodes}>
              {nodes.map((spec) => (
                <Command.Item
                  key={spec.id}
                  value={`+${spec.id}`}
                  className="menu__item"
                  onSelect={() => act(() => addOffered(spec))}
                >
                  {spec.title}
                  <span className="menu__key">{categoryLabel(spec)}</span>
                </Command.Item>
              ))}
            </Command.Group>
          )}
        </>
      )}
    </PickDialog>
  );
}

/** The actions in whose words every word of the query stands; those whose title begins with it come first. */
export function matching(actions: readonly Action[], query: string): readonly Action[] {
  const wanted = query.trim().toLowerCase();
  const words = wanted.split(/\s+/).filter((word) => word !== "");
  const found = actions.filter((action) => {
    const given = [action.title, action.id, ...(action.words ?? []), ...action.keys.map(chordText)];
    const text = given.join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  if (wanted === "")
    return found.toSorted((one, other) => GROUPS.indexOf(groupOf(one)) - GROUPS.indexOf(groupOf(other)));
  const begins = ({ title }: Action) => title.toLowerCase().startsWith(wanted);
  return [...found.filter(begins), ...found.filter((action) => !begins(action))];
}

const GROUPS = Object.keys(texts.palette.groups);

function groupOf(action: Action): string {
  return action.id.split(".")[0] ?? "";
}

/** By the part of the id before the dot, in the order of their first action. */
export function groupsOf(actions: readonly Action[]): readonly (readonly [string, readonly Action[]])[] {
  const groups = new Map<string, Action[]>();
  for (const action of actions) groups.set(groupOf(action), [...(groups.get(groupOf(action)) ?? []), action]);
  return [...groups];
}
