/** Workflows that come with the server, to begin from. */

import { LayoutTemplate } from "lucide-react";
import { getTemplates } from "../api/library";
import { openTemplate } from "../store/files";
import { texts } from "../texts/panels";
import { Empty, Failed, Loading, PanelHeader } from "./Pieces";
import { useLoaded } from "./useLoaded";

export function TemplatesPanel() {
  const [loaded, reload] = useLoaded(getTemplates);
  return (
    <section className="panel" aria-label={texts.templates.title}>
      <PanelHeader title={texts.templates.title} />
      <div className="panel__body">
        {loaded.kind === "loading" && <Loading />}
        {loaded.kind === "failed" && <Failed message={loaded.message} hint={loaded.hint} onRetry={reload} />}
        {loaded.kind === "ready" && loaded.value.length === 0 && (
          <Empty icon={LayoutTemplate} title={texts.templates.empty} />
        )}
        {loaded.kind === "ready" && (
          <ul className="list templates">
            {loaded.value.map((item) => (
              <li key={item.name}>
                <button type="button" className="card template" onClick={() => void openTemplate(item.name)}>
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
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}
