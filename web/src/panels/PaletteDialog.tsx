/** Everything by name: actions with their keys, and nodes to add. */

import { Command } from "cmdk";
import { Dialog } from "radix-ui";
import { useState } from "react";
import { addNodeOfType } from "../canvas/adding";
import { type Action, chordText, useActions } from "../store/actions";
import { useCatalogue } from "../store/catalogue";
import { texts } from "../texts/panels";
import { closeDialog } from "./Modal";

const NODES_SHOWN = 12;

export function PaletteDialog() {
  const actions = useActions((state) => state.actions);
  const search = useCatalogue((state) => state.search);
  const [query, setQuery] = useState("");
  const found = matching([...actions.values()], query);
  const nodes = query.trim() === "" ? [] : search(query).slice(0, NODES_SHOWN);
  const act = (work: () => void) => {
    closeDialog();
    // The dialog gives the focus back as it closes: what is done next may want it elsewhere.
    requestAnimationFrame(work);
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && closeDialog()}>
      <Dialog.Portal>
        <Dialog.Overlay className="dialog__overlay" />
        <Dialog.Content className="dialog palette" aria-describedby={undefined}>
          <Dialog.Title className="visually-hidden">{texts.palette.title}</Dialog.Title>
          <Command label={texts.palette.title} shouldFilter={false} loop>
            <Command.Input
              className="palette__input"
              placeholder={texts.palette.placeholder}
              value={query}
              onValueChange={setQuery}
            />
            <Command.List className="palette__list" label={texts.palette.title}>
              <Command.Empty className="empty">{texts.common.nothing}</Command.Empty>
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
                      onSelect={() => act(() => addNodeOfType(spec.id))}
                    >
                      {spec.title}
                      <span className="menu__key">{spec.category}</span>
                    </Command.Item>
                  ))}
                </Command.Group>
              )}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

/** Every word of the query stands somewhere in the action's words. */
export function matching(actions: readonly Action[], query: string): readonly Action[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return actions.filter((action) => {
    const text = [action.title, action.id, ...(action.words ?? []), ...action.keys.map(chordText)]
      .join(" ")
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** By the part of the id before the dot, in the order of registration. */
export function groupsOf(actions: readonly Action[]): readonly (readonly [string, readonly Action[]])[] {
  const groups = new Map<string, Action[]>();
  for (const action of actions) {
    const group = action.id.split(".")[0] ?? "";
    groups.set(group, [...(groups.get(group) ?? []), action]);
  }
  return [...groups];
}
