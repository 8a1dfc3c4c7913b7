/** A field to search by, and below it what can be picked: done when the key that picks it has been pressed. */

import { Command } from "cmdk";
import { Dialog } from "radix-ui";
import type { ReactNode } from "react";
import { texts } from "../texts/panels";
import { closeDialog, useFocusKeeper } from "./focusing";

interface PickDialogProps {
  /** What it is called for those who do not see it. */
  readonly title: string;
  readonly placeholder: string;
  readonly query: string;
  readonly onQuery: (query: string) => void;
  /** The list is found by its caller, not among the words of the items. */
  readonly found?: boolean;
  /** The items; `act` closes the dialog and does what was picked. */
  readonly children: (act: (work: () => void) => void) => ReactNode;
}

export function PickDialog({ title, placeholder, query, onQuery, found, children }: PickDialogProps) {
  const { onCloseAutoFocus } = useFocusKeeper();
  const act = (work: () => void): void => {
    closeDialog();
    work();
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && closeDialog()}>
      <Dialog.Portal>
        <div className="dialog__overlay" />
        <Dialog.Content
          className="dialog palette"
          aria-describedby={undefined}
          onCloseAutoFocus={onCloseAutoFocus}
        >
          <Dialog.Title className="visually-hidden">{title}</Dialog.Title>
          <Command label={title} shouldFilter={!found} loop>
            <Command.Input
              className="palette__input"
              placeholder={placeholder}
              value={query}
              onValueChange={onQuery}
            />
            <Command.List className="palette__list" label={title}>
              <Command.Empty className="empty">{texts.common.nothing}</Command.Empty>
              {children(act)}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
