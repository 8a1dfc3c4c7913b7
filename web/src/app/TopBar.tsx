/** The bar above: file menu, open workflows, undo, problems, queue, and the run button. */

import {
  CircleAlert,
  CircleCheck,
  CircleDashed,
  ClipboardList,
  Command,
  FileDown,
  FileOutput,
  FilePlus2,
  FolderOpen,
  Grid3x3,
  Keyboard,
  ListOrdered,
  type LucideIcon,
  Moon,
  PanelRight,
  Plus,
  Redo2,
  Save,
  SaveAll,
  Settings2,
  Sun,
  Timer,
  Undo2,
  X,
} from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useState } from "react";
import { useTheme } from "../canvas/theme";
import { setTitle } from "../commands/document";
import { chordText, perform, useActions } from "../store/actions";
import { useTab } from "../store/current";
import { newDocument } from "../store/files";
import { useChecked, useProblems } from "../store/plan";
import { useShell } from "../store/shell";
import { activate, documentOf, editIn, isDirty, type Tab, useTabs } from "../store/tabs";
import { appTexts } from "../texts/app";
import { closeOrAsk } from "./closing";
import { Logo } from "./Logo";
import { useQueueLength } from "./queue";
import { RunButton } from "./RunButton";

export function TopBar() {
  const tab = useTab();
  const inspector = useShell((state) => state.inspector);
  const form = useShell((state) => state.form);
  const queue = useQueueLength();
  const theme = useTheme();
  return (
    <header className="topbar">
      <h1 className="visually-hidden">{tab ? documentOf(tab).title : appTexts.name}</h1>
      <FileMenu />
      <Tabs />
      <div className="topbar__tools">
        <Tool
          id="edit.undo"
          icon={Undo2}
          disabled={(tab?.edited.past.length ?? 0) === 0}
          {...hint(tab?.edited.past.at(-1)?.label)}
        />
        <Tool
          id="edit.redo"
          icon={Redo2}
          disabled={(tab?.edited.future.length ?? 0) === 0}
          {...hint(tab?.edited.future[0]?.label)}
        />
        <span className="topbar__rule" />
        <Tool id="app.palette" icon={Command} />
        <Tool id="app.theme" icon={theme === "dark" ? Sun : Moon} />
        <Tool id="view.form" icon={ClipboardList} pressed={form} />
        <Tool id="panel.inspector" icon={PanelRight} pressed={inspector} />
        <span className="topbar__rule" />
        <ProblemsButton />
        <button
          type="button"
          className="button button--quiet topbar__queue"
          title={appTexts.queue(queue)}
          onClick={() => perform("panel.queue")}
        >
          <ListOrdered size={15} aria-hidden="true" />
          <span className={queue > 0 ? "badge badge--accent" : "badge"}>{queue}</span>
          <span className="visually-hidden">{appTexts.queue(queue)}</span>
        </button>
        <RunButton />
      </div>
    </header>
  );
}

const hint = (label: string | undefined) => (label === undefined ? {} : { detail: label });

interface ToolProps {
  readonly id: string;
  readonly icon: LucideIcon;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  readonly detail?: string;
}

/** An action as a button: its title and its key come with it. */
export function Tool({ id, icon: Icon, disabled = false, pressed, detail }: ToolProps) {
  const action = useActions((state) => state.actions.get(id));
  const [keys] = action?.keys ?? [];
  const title = `${action?.title ?? id}${detail ? `: ${detail}` : ""}`;
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={action?.title ?? id}
      {...(pressed === undefined ? {} : { "aria-pressed": pressed })}
      title={keys ? `${title} (${chordText(keys)})` : title}
      disabled={disabled}
      onClick={() => perform(id)}
    >
      <Icon size={16} />
    </button>
  );
}

const MENU: readonly (readonly (readonly [action: string, icon: LucideIcon])[])[] = [
  [
    ["file.new", FilePlus2],
    ["file.open", FolderOpen],
  ],
  [
    ["file.save", Save],
    ["file.saveAs", SaveAll],
    ["file.export", FileDown],
    ["file.exportForComfy", FileOutput],
  ],
  [
    ["view.form", ClipboardList],
    ["panel.profile", Timer],
    ["run.sweeps", Grid3x3],
  ],
  [
    ["app.palette", Command],
    ["app.keys", Keyboard],
    ["app.settings", Settings2],
  ],
];

function FileMenu() {
  const actions = useActions((state) => state.actions);
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <button type="button" className="topbar__logo" aria-label={appTexts.menu}>
          <Logo />
          <span className="topbar__name">{appTexts.name}</span>
        </button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="start" sideOffset={6} collisionPadding={8}>
          {MENU.map((group, place) => (
            <DropdownMenu.Group key={group[0]?.[0]}>
              {place > 0 && <DropdownMenu.Separator className="menu__separator" />}
              {group.map(([id, Icon]) => (
                <DropdownMenu.Item key={id} className="menu__item" onSelect={() => perform(id)}>
                  <Icon size={15} aria-hidden="true" />
                  {actions.get(id)?.title}
                  <span className="menu__key">{chordText(actions.get(id)?.keys[0] ?? "")}</span>
                </DropdownMenu.Item>
              ))}
            </DropdownMenu.Group>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function Tabs() {
  const tabs = useTabs((state) => state.tabs);
  const active = useTabs((state) => state.active);
  return (
    <nav className="tabs" aria-label={appTexts.tabs}>
      {tabs.map((tab) => (
        <TabButton key={tab.id} tab={tab} active={tab.id === active} />
      ))}
      <button
        type="button"
        className="icon-button"
        aria-label={appTexts.newTab}
        title={appTexts.newTab}
        onClick={newDocument}
      >
        <Plus size={15} />
      </button>
    </nav>
  );
}

function TabButton({ tab, active }: { tab: Tab; active: boolean }) {
  const { title } = documentOf(tab);
  const dirty = isDirty(tab);
  const [naming, setNaming] = useState(false);
  if (naming) return <TabTitle tab={tab} onDone={() => setNaming(false)} />;
  return (
    <div className="tab" data-active={active || undefined}>
      <button
        type="button"
        className="tab__name"
        aria-current={active ? "page" : undefined}
        title={tab.file ? tab.file.name : title}
        onClick={() => activate(tab.id)}
        onDoubleClick={() => setNaming(true)}
        onAuxClick={(event) => event.button === 1 && closeOrAsk(tab.id)}
      >
        {title}
        {dirty && <span className="visually-hidden">, {appTexts.unsaved}</span>}
      </button>
      <button
        type="button"
        className="tab__close"
        data-dirty={dirty || undefined}
        aria-label={appTexts.closeTab(title)}
        title={dirty ? appTexts.unsaved : appTexts.closeTab(title)}
        onClick={() => closeOrAsk(tab.id)}
      >
        <X size={13} />
      </button>
    </div>
  );
}

function TabTitle({ tab, onDone }: { tab: Tab; onDone: () => void }) {
  const { title } = documentOf(tab);
  return (
    <input
      className="field tab__input"
      aria-label={appTexts.renameTab}
      // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here
      autoFocus
      defaultValue={title}
      onFocus={(event) => event.currentTarget.select()}
      onBlur={(event) => {
        const next = event.currentTarget.value.trim();
        if (next !== "" && next !== title) editIn(tab.id, null, setTitle(next));
        onDone();
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key === "Escape") onDone();
      }}
    />
  );
}

function ProblemsButton() {
  const problems = useProblems();
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const shown = useShell((state) => state.bottom === "problems");
  const checked = useChecked();
  const none = checked ? appTexts.noProblems : appTexts.checking;
  const text = problems.length === 0 ? none : appTexts.problems(problems.length);
  return (
    <button
      type="button"
      className="button button--quiet"
      aria-pressed={shown}
      title={text}
      onClick={() => perform("panel.problems")}
    >
      {problems.length === 0 ? (
        checked ? (
          <CircleCheck size={15} aria-hidden="true" />
        ) : (
          <CircleDashed size={15} aria-hidden="true" />
        )
      ) : (
        <CircleAlert size={15} className={errors > 0 ? "tone-danger" : "tone-warning"} aria-hidden="true" />
      )}
      {problems.length > 0 && (
        <span className={errors > 0 ? "badge badge--danger" : "badge badge--warning"}>{problems.length}</span>
      )}
      <span className="visually-hidden">{text}</span>
    </button>
  );
}
