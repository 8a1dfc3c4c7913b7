/** The “more” menu of a list item. */

import type { LucideIcon } from "lucide-react";
import { Ellipsis } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { texts } from "../texts/panels";
import { IconButton } from "./Pieces";

export interface MenuEntry {
  readonly icon: LucideIcon;
  readonly label: string;
  readonly danger?: boolean;
  readonly run: () => void;
}

export function ItemMenu({
  label,
  entries,
}: {
  readonly label: string;
  readonly entries: readonly MenuEntry[];
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <IconButton icon={Ellipsis} label={`${texts.common.more}: ${label}`} className="item-menu" />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4} collisionPadding={8}>
          {entries.map(({ icon: Icon, label: text, danger, run }) => (
            <DropdownMenu.Item
              key={text}
              className={danger ? "menu__item menu__item--danger" : "menu__item"}
              onSelect={run}
            >
              <Icon size={15} aria-hidden />
              {text}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
