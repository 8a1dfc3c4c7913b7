/** A button that opens a list to choose from, with a search above it where the list is long. */

import { Command } from "cmdk";
import { Check, ChevronDown } from "lucide-react";
import { Popover } from "radix-ui";
import { type ReactNode, useState } from "react";
import { canvasTexts } from "../texts/canvas";

export interface Option {
  readonly value: string;
  readonly detail?: string;
  /** Options of one group stand together under its name. */
  readonly group?: string;
}

interface PickListProps {
  readonly label: string;
  readonly compact: boolean;
  readonly value: string;
  readonly options: readonly Option[];
  readonly invalid?: boolean;
  readonly empty: string;
  readonly onOpen?: () => void;
  readonly onPick: (value: string) => void;
  readonly foot?: ReactNode;
}

const SEARCH_FROM = 9;

export function PickList({
  label,
  compact,
  value,
  options,
  invalid,
  empty,
  onOpen,
  onPick,
  foot,
}: PickListProps) {
  const [open, setOpen] = useState(false);
  const change = (next: boolean): void => {
    if (next) onOpen?.();
    setOpen(next);
  };
  const groups = [...new Set(options.map((option) => option.group ?? ""))];
  return (
    <Popover.Root open={open} onOpenChange={change}>
      <Popover.Trigger asChild>
        <button
          type="button"
          className={compact ? "knob knob--press" : "knob knob--press knob--form"}
          {...(compact ? {} : { "aria-label": `${label}: ${value || canvasTexts.choose}` })}
          aria-invalid={invalid}
        >
          {compact && <span className="knob__label">{label}</span>}
          <span className="knob__value">{value || <span className="muted">{canvasTexts.choose}</span>}</span>
          <ChevronDown size={12} className="knob__tail" aria-hidden="true" />
        </button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="menu picklist nopan nowheel"
          aria-label={label}
          align="start"
          sideOffset={4}
          collisionPadding={8}
        >
          <Command
            label={label}
            loop
            defaultValue={value}
            onKeyDown={(event) => event.key !== "Escape" && event.stopPropagation()}
          >
            <Command.Input
              className={options.length >= SEARCH_FROM ? "field picklist__search" : "visually-hidden"}
              placeholder={canvasTexts.choose}
              aria-label={label}
            />
            <Command.List className="picklist__list">
              <Command.Empty className="hint picklist__empty">{empty}</Command.Empty>
              {groups.map((group) => (
                <Command.Group key={group} heading={group || undefined}>
                  {options
                    .filter((option) => (option.group ?? "") === group)
                    .map((option) => (
                      <Command.Item
                        // What an item is found by is read once: with another detail it is another item.
                        key={`${option.value} ${option.detail}`}
                        value={option.value}
                        keywords={option.detail === undefined ? [] : [option.detail]}
                        className="menu__item"
                        onSelect={() => {
                          setOpen(false);
                          onPick(option.value);
                        }}
                      >
                        <Check
                          size={13}
                          style={{ visibility: option.value === value ? "visible" : "hidden" }}
                        />
                        <span className="ellipsis">{nameOf(option.value)}</span>
                        {option.detail && <span className="menu__key">{option.detail}</span>}
                      </Command.Item>
                    ))}
                </Command.Group>
              ))}
            </Command.List>
          </Command>
          {foot}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

/** Without the folder: it is the heading of the group. */
function nameOf(value: string): string {
  return value.slice(value.lastIndexOf("/") + 1) || value;
}
