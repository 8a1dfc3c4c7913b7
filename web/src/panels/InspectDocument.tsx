/** The document: its title, and what a reader of the file should know of it. */

import { setMeta, setTitle } from "../commands/document";
import { wiresOf } from "../documents/inputs";
import { useDocument } from "../store/current";
import { editIn, seal, useTabs } from "../store/tabs";
import { texts } from "../texts/panels";

export function DocumentFacts() {
  const { title, nodes, meta } = useDocument();
  const id = useTabs((state) => state.active);
  if (id === null) return null;
  const text = (key: string) => (typeof meta[key] === "string" ? meta[key] : "");
  const tags = Array.isArray(meta["tags"])
    ? meta["tags"].filter((tag) => typeof tag === "string").join(", ")
    : "";
  return (
    <>
      <TextRow
        label={texts.inspector.name}
        value={title}
        onChange={(value) => editIn(id, null, setTitle(value))}
      />
      <label className="field-row">
        <span className="label">{texts.inspector.description}</span>
        <textarea
          className="field"
          rows={4}
          value={text("description")}
          onChange={(event) => editIn(id, null, setMeta("description", event.target.value))}
          onBlur={seal}
        />
      </label>
      <TextRow
        label={texts.inspector.author}
        value={text("author")}
        onChange={(value) => editIn(id, null, setMeta("author", value))}
      />
      <TextRow
        label={texts.inspector.licence}
        value={text("licence")}
        onChange={(value) => editIn(id, null, setMeta("licence", value))}
      />
      <TextRow
        key={id}
        label={texts.inspector.tags}
        value={tags}
        lazily
        onChange={(value) => editIn(id, null, setMeta("tags", tagsOf(value)))}
      />
      <dl className="facts">
        <div>
          <dt>{texts.inspector.nodes}</dt>
          <dd>{Object.keys(nodes).length}</dd>
        </div>
        <div>
          <dt>{texts.inspector.wires}</dt>
          <dd>{wiresOf(nodes).length}</dd>
        </div>
      </dl>
    </>
  );
}

function tagsOf(text: string): readonly string[] {
  return text
    .split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
}

interface TextRowProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** The value is taken when the field is left: what is typed is not yet what is meant. */
  readonly lazily?: boolean;
}

function TextRow({ label, value, onChange, lazily }: TextRowProps) {
  return (
    <label className="field-row">
      <span className="label">{label}</span>
      <input
        className="field"
        {...(lazily ? { defaultValue: value } : { value })}
        onChange={(event) => !lazily && onChange(event.target.value)}
        onBlur={(event) => {
          if (lazily && event.target.value !== value) onChange(event.target.value);
          seal();
        }}
      />
    </label>
  );
}
