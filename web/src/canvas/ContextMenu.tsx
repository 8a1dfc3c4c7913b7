/** The menu of what was pressed: a node, a wire, a reroute point, a frame, a note, or the open ground. */

import { DropdownMenu } from "radix-ui";
import { changeFrame, changeNote, removeFrame, removeNote } from "../commands/frames";
import { changeView } from "../commands/nodes";
import { setRoute } from "../commands/wires";
import { chordText, perform, useActions } from "../store/actions";
import { activeGraph, edit, select } from "../store/tabs";
import { actionTexts } from "../texts/canvas";
import { noteHere, removal, toggleMode } from "./chosen";
import { contentsOf, copyFrame, copyNote, duplicateFrame, duplicateNote } from "./clipboard";
import { selectionOf } from "./current";
import { HUES } from "./dyes";
import { closeMenu, type MenuTarget, useMenu } from "./menu";
import { pointsOf } from "./pressing";
import type { Thread } from "./scene";
import { stage } from "./stage";
import { useTheme } from "./theme";

export function ContextMenu() {
  const open = useMenu((state) => state.open);
  if (open === null) return null;
  const [left, top] = open.screen;
  return (
    <DropdownMenu.Root
      key={`${left},${top}`}
      defaultOpen
      modal={false}
      onOpenChange={(next) => !next && closeMenu()}
    >
      <DropdownMenu.Trigger
        className="menu-anchor"
        style={{ left, top }}
        tabIndex={-1}
        aria-label={actionTexts.menu}
      />
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          className="menu"
          align="start"
          sideOffset={2}
          collisionPadding={8}
          onCloseAutoFocus={(event) => event.preventDefault()}
        >
          <Items target={open.target} />
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function Items({ target }: { target: MenuTarget }) {
  switch (target.kind) {
    case "node":
      return <NodeItems />;
    case "thread":
      return <ThreadItems threadKey={target.key} piece={target.piece} />;
    case "pin":
      return <PinItems threadKey={target.key} index={target.index} />;
    case "frame":
      return (
        <>
          <Item title={actionTexts.copy} run={() => copyFrame(target.id)} />
          <Item title={actionTexts.duplicate} run={() => duplicateFrame(target.id)} />
          <Item
            title={actionTexts.selectContents}
            run={() => select(contentsOf(activeGraph(), target.id).nodes)}
          />
          <Item
            title={actionTexts.muteContents}
            run={() => toggleMode("mute", contentsOf(activeGraph(), target.id).nodes)}
          />
          <Item
            title={actionTexts.bypassContents}
            run={() => toggleMode("bypass", contentsOf(activeGraph(), target.id).nodes)}
          />
          <Separator />
          <Colours onPick={(color) => edit(changeFrame(target.id, { color }))} />
          <Separator />
          <Item danger title={actionTexts.delete} run={() => edit(removeFrame(target.id))} />
        </>
      );
    case "note":
      return (
        <>
          <Item title={actionTexts.copy} run={() => copyNote(target.id)} />
          <Item title={actionTexts.duplicate} run={() => duplicateNote(target.id)} />
          <Separator />
          <Colours onPick={(color) => edit(changeNote(target.id, { color }))} />
          <Separator />
          <Item danger title={actionTexts.delete} run={() => edit(removeNote(target.id))} />
        </>
      );
    case "ground":
      return <GroundItems />;
    default:
      return target satisfies never;
  }
}

function NodeItems() {
  const ids = [...selectionOf()];
  return (
    <>
      <ActionItem id="node.runTo" />
      <ActionItem id="node.stages" />
      <Separator />
      {["node.rename", "node.mute", "node.bypass", "node.collapse", "node.enter", "node.ungroup"].map(
        (id) => (
          <ActionItem key={id} id={id} />
        ),
      )}
      <Colours onPick={(color) => edit(changeView(ids, { color }))} />
      <Separator />
      {["node.copy", "node.duplicate", "node.wire", "node.disconnect", "node.reset"].map((id) => (
        <ActionItem key={id} id={id} />
      ))}
      <Separator />
      {["node.group", "arrange.frame", "select.up", "select.down"].map((id) => (
        <ActionItem key={id} id={id} />
      ))}
      <Separator />
      <ActionItem id="node.delete" danger />
    </>
  );
}

function threadOf(key: string): Thread | undefined {
  return stage.getState().scene.threads.get(key);
}

function ThreadItems({ threadKey, piece }: { threadKey: string; piece: number }) {
  const { open } = useMenu.getState();
  const thread = threadOf(threadKey);
  if (thread === undefined || open === null) return null;
  const [node, input] = thread.wire.to;
  const { index } = thread.wire;
  const [x, y] = open.world;
  return (
    <>
      <Item
        title={actionTexts.insert}
        run={() => stage.setState({ adding: { at: [x - 110, y], screen: open.screen, thread: threadKey } })}
      />
      <Item
        title={actionTexts.pin}
        run={() => {
          const points = pointsOf(thread).toSpliced(piece, 0, [Math.round(x), Math.round(y)]);
          edit(setRoute({ node, input }, index, points));
        }}
      />
      {thread.via.length > 0 && (
        <Item title={actionTexts.straighten} run={() => edit(setRoute({ node, input }, index, []))} />
      )}
      <Separator />
      <Item danger title={actionTexts.deleteWire} run={() => edit(removal(thread.wire))} />
    </>
  );
}

function PinItems({ threadKey, index }: { threadKey: string; index: number }) {
  const thread = threadOf(threadKey);
  if (thread === undefined) return null;
  const [node, input] = thread.wire.to;
  const without = pointsOf(thread).toSpliced(index, 1);
  return (
    <>
      <Item
        title={actionTexts.unpin}
        run={() => edit(setRoute({ node, input }, thread.wire.index, without))}
      />
      <Item
        title={actionTexts.straighten}
        run={() => edit(setRoute({ node, input }, thread.wire.index, []))}
      />
      <Separator />
      <Item danger title={actionTexts.deleteWire} run={() => edit(removal(thread.wire))} />
    </>
  );
}

function GroundItems() {
  const { open } = useMenu.getState();
  if (open === null) return null;
  const { world, screen } = open;
  return (
    <>
      <Item
        title={actionTexts.add}
        keys="Tab"
        run={() => stage.setState({ adding: { at: world, screen } })}
      />
      <Item title={actionTexts.addNote} keys="N" run={() => noteHere(world)} />
      <ActionItem id="arrange.frame" />
      <Separator />
      {["node.paste", "select.all"].map((id) => (
        <ActionItem key={id} id={id} />
      ))}
      <Separator />
      {["arrange.tidy", "view.fit"].map((id) => (
        <ActionItem key={id} id={id} />
      ))}
    </>
  );
}

interface ItemProps {
  readonly title: string;
  readonly keys?: string;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly run: () => void;
}

function Item({ title, keys, danger = false, disabled = false, run }: ItemProps) {
  return (
    <DropdownMenu.Item
      className={danger ? "menu__item menu__item--danger" : "menu__item"}
      disabled={disabled}
      onSelect={run}
    >
      {title}
      {keys && <span className="menu__key">{chordText(keys)}</span>}
    </DropdownMenu.Item>
  );
}

/** An action by its name: its title, its key, and whether it can be done now. */
function ActionItem({ id, danger = false }: { id: string; danger?: boolean }) {
  const action = useActions((state) => state.actions.get(id));
  if (action === undefined || action.enabled?.() === false) return null;
  const [keys] = action.keys;
  return <Item title={action.title} danger={danger} run={() => perform(id)} {...(keys ? { keys } : {})} />;
}

function Separator() {
  return <DropdownMenu.Separator className="menu__separator" />;
}

function Colours({ onPick }: { onPick: (name: string) => void }) {
  const theme = useTheme();
  return (
    <DropdownMenu.Group className="menu__colours" aria-label={actionTexts.colour}>
      {Object.entries(HUES).map(([name, hue]) => (
        <DropdownMenu.Item
          key={name}
          className="menu__colour"
          aria-label={name}
          style={{ background: hue[theme] }}
          onSelect={() => onPick(name)}
        />
      ))}
    </DropdownMenu.Group>
  );
}
