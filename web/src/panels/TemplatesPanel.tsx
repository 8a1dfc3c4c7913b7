/** Workflows that come with the server, to begin from: by picture, by word, by tag. */

import { LayoutTemplate, SearchX } from "lucide-react";
import { useState } from "react";
import { templateCoverUrl } from "../api/library";
import type { LibraryItem } from "../api/types";
import { openTemplate } from "../store/files";
import { getShipped } from "../store/shipped";
import { useLoaded } from "../store/useLoaded";
import { texts } from "../texts/panels";
import { Cover } from "./Cover";
import { arrive, Empty, Failed, Loading, PanelHeader, SearchField } from "./Pieces";

export function TemplatesPanel() {
  const [loaded, reload] = useLoaded(getShipped);
  return (
    <section ref={arrive} tabIndex={-1} className="panel" aria-label={texts.templates.title}>
      <PanelHeader title={texts.templates.title} />
      {loaded.kind === "ready" && loaded.value.length > 0 ? (
        <Gallery items={loaded.value} />
      ) : (
        <div className="panel__body">
          {loaded.kind === "loading" && <Loading />}
          {loaded.kind === "failed" && (
            <Failed message={loaded.message} hint={loaded.hint} onRetry={reload} />
          )}
          {loaded.kind === "ready" && <Empty icon={LayoutTemplate} title={texts.templates.empty} />}
        </div>
      )}
    </section>
  );
}

function Gallery({ items }: { readonly items: readonly LibraryItem[] }) {
  const [query, setQuery] = useState("");
  const [wanted, setWanted] = useState<string | null>(null);
  const tags = [...new Set(items.flatMap((item) => item.tags))].sort();
  const found = items.filter((item) => says(item, query) && (wanted === null || item.tags.includes(wanted)));
  return (
    <>
      <div className="panel__search">
        <SearchField label={texts.templates.search} value={query} onChange={setQuery} />
        {tags.length > 1 && (
          <fieldset className="tags">
            <legend className="visually-hidden">{texts.templates.tags}</legend>
            {tags.map((tag) => (
              <button
                key={tag}
                type="button"
                className="badge tag"
                aria-pressed={tag === wanted}
                onClick={() => setWanted(tag === wanted ? null : tag)}
              >
                {tag}
              </button>
            ))}
          </fieldset>
        )}
      </div>
      <div className="panel__body">
        {found.length === 0 && <Empty icon={SearchX} title={texts.common.nothing} />}
        <ul className="list templates">
          {found.map((item) => (
            <Template key={item.name} item={item} />
          ))}
        </ul>
      </div>
    </>
  );
}

function says({ name, title, description, tags }: LibraryItem, query: string): boolean {
  const text = [name, title, description, ...tags].join(" ").toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function Template({ item }: { readonly item: LibraryItem }) {
  return (
    <li>
      <button type="button" className="card template" onClick={() => void openTemplate(item.name)}>
        <Cover url={item.cover === null ? undefined : templateCoverUrl(item.name, item.cover)} />
        <span className="template__text">
          <span className="template__title">{item.title}</span>
          {item.description !== "" && <span className="hint">{item.description}</span>}
          {item.tags.length > 0 && (
            <span className="row template__tags">
              {item.tags.map((tag) => (
                <span key={tag} className="badge">
                  {tag}
                </span>
              ))}
            </span>
          )}
        </span>
      </button>
    </li>
  );
}
