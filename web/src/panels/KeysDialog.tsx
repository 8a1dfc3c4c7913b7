/** Every action with its keys. */

import { useState } from "react";
import { chordText, useActions } from "../store/actions";
import { texts } from "../texts/panels";
import { Modal } from "./Modal";
import { groupsOf, matching } from "./PaletteDialog";
import { SearchField } from "./Pieces";

export function KeysDialog() {
  const actions = useActions((state) => state.actions);
  const [query, setQuery] = useState("");
  return (
    <Modal title={texts.keys.title}>
      <SearchField label={texts.keys.search} value={query} onChange={setQuery} autoFocus />
      {groupsOf(matching([...actions.values()], query)).map(([group, members]) => (
        <section key={group}>
          <h3 className="list__heading">{texts.palette.groups[group] ?? group}</h3>
          <dl className="keys">
            {members.map((action) => (
              <div key={action.id}>
                <dt>{action.title}</dt>
                <dd>
                  {action.keys.map((chord) => (
                    <kbd key={chord} className="kbd">
                      {chordText(chord)}
                    </kbd>
                  ))}
                  {action.keys.length === 0 && <span className="hint">{texts.keys.none}</span>}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Modal>
  );
}
