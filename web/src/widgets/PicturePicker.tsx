/** Choosing a picture by its looks: among the inputs, what runs saved, and what they only showed. */

import { X } from "lucide-react";
import { Dialog } from "radix-ui";
import { useCallback, useEffect, useId, useState } from "react";
import { ApiError } from "../api/http";
import { getArtifacts, inputThumbnailUrl, isPicture, thumbnailUrl } from "../api/pictures";
import { refreshFolder, useFolder } from "../store/folders";
import { report } from "../store/notices";
import { pickerTexts as t } from "../texts/pictures";

type Shelf = "input" | "output" | "temp";

const SHELVES: readonly Shelf[] = ["input", "output", "temp"];
const PAGE = 60;

interface Choice {
  /** As an image input holds it. */
  readonly name: string;
  readonly title: string;
  readonly thumbnail: string;
}

interface PicturePickerProps {
  readonly value: string;
  readonly onPick: (name: string) => void;
  readonly onClose: () => void;
}

export function PicturePicker({ value, onPick, onClose }: PicturePickerProps) {
  const [shelf, setShelf] = useState<Shelf>("input");
  const [query, setQuery] = useState("");
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <div className="dialog__overlay" />
        <Dialog.Content className="dialog dialog--wide picker" aria-describedby={undefined}>
          <div className="dialog__header">
            <Dialog.Title className="dialog__title">{t.title}</Dialog.Title>
            <button type="button" className="icon-button" aria-label={t.close} onClick={onClose}>
              <X size={16} aria-hidden />
            </button>
          </div>
          <div className="picker__search">
            <input
              className="field"
              type="search"
              aria-label={t.search}
              placeholder={t.search}
              value={query}
              onChange={(event) => setQuery(event.target.value)}
            />
            <Shelves shelf={shelf} onChange={setShelf} />
          </div>
          <div className="picker__grid">
            {shelf === "input" ? (
              <Inputs query={query} value={value} onPick={onPick} />
            ) : (
              <Made folder={shelf} query={query} value={value} onPick={onPick} />
            )}
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Shelves({ shelf, onChange }: { shelf: Shelf; onChange: (shelf: Shelf) => void }) {
  const group = useId();
  return (
    <fieldset className="segments">
      <legend className="visually-hidden">{t.which}</legend>
      {SHELVES.map((name) => (
        <label key={name} className="segment">
          <input type="radio" name={group} checked={shelf === name} onChange={() => onChange(name)} />
          <span>{t.shelves[name]}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface ShelfProps {
  readonly query: string;
  readonly value: string;
  readonly onPick: (name: string) => void;
}

/** The user's own pictures, and those that the templates begin with. */
function Inputs({ query, value, onPick }: ShelfProps) {
  const files = useFolder("input");
  useEffect(() => void refreshFolder("input"), []);
  const words = query.toLowerCase().split(/\s+/);
  const found = (files ?? []).filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
  const choices = found
    .toSorted((one, other) => other.modified - one.modified)
    .map(({ name }) => ({ name, title: name, thumbnail: inputThumbnailUrl(name) }));
  return <Grid choices={choices} waiting={files === undefined} value={value} onPick={onPick} />;
}

function Made({ folder, query, value, onPick }: ShelfProps & { readonly folder: "output" | "temp" }) {
  const [choices, setChoices] = useState<readonly Choice[]>();
  const [next, setNext] = useState<string | null>(null);
  const load = useCallback(
    async (before: string | null) => {
      const { items, next: after } = await getArtifacts({ limit: PAGE, before, q: query, folder });
      const found = items.filter(isPicture).map(({ id, name, title }) => ({
        name: `${name} [${folder}]`,
        title: title === "" ? name : `${title}: ${name}`,
        thumbnail: thumbnailUrl(id),
      }));
      return { found, after };
    },
    [folder, query],
  );
  useEffect(() => {
    let wanted = true;
    setChoices(undefined);
    load(null).then(({ found, after }) => {
      if (!wanted) return;
      setChoices(found);
      setNext(after);
    }, refused);
    return () => {
      wanted = false;
    };
  }, [load]);
  const more = (): void => {
    load(next).then(({ found, after }) => {
      setChoices((known = []) => [...known, ...found]);
      setNext(after);
    }, refused);
  };
  return (
    <>
      <Grid choices={choices ?? []} waiting={choices === undefined} value={value} onPick={onPick} />
      {next !== null && (
        <button type="button" className="button" onClick={more}>
          {t.older}
        </button>
      )}
    </>
  );
}

function refused(problem: unknown): void {
  if (!(problem instanceof ApiError)) throw problem;
  report(problem);
}

interface GridProps {
  readonly choices: readonly Choice[];
  readonly waiting: boolean;
  readonly value: string;
  readonly onPick: (name: string) => void;
}

function Grid({ choices, waiting, value, onPick }: GridProps) {
  if (choices.length === 0) return <p className="empty">{waiting ? t.loading : t.empty}</p>;
  return (
    <ul className="picker__pictures">
      {choices.map(({ name, title, thumbnail }) => (
        <li key={name}>
          <button type="button" aria-pressed={name === value} title={title} onClick={() => onPick(name)}>
            <img src={thumbnail} alt="" loading="lazy" draggable={false} />
            <span className="ellipsis">{title}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
