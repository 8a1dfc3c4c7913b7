/** The shell: bar above, rail and dock on the left, canvas in the middle, inspector on the right. */

import { useEffect } from "react";
import { Canvas } from "../canvas/Canvas";
import { Dialogs } from "../panels/Dialogs";
import { Inspector } from "../panels/Inspector";
import { registerActions } from "../store/actions";
import { useDocument, useDocumentId } from "../store/current";
import { useDocumentRun } from "../store/runs";
import { useShell } from "../store/shell";
import { appTexts } from "../texts/app";
import { Later, later } from "../widgets/later";
import { appActions } from "./appActions";
import { Banner } from "./Banner";
import { Breadcrumbs } from "./Breadcrumbs";
import { Dock } from "./Dock";
import { FileDrop } from "./FileDrop";
import { Notices } from "./Notices";
import { Rail } from "./Rail";
import { TopBar } from "./TopBar";

const FormView = later(async () => (await import("../panels/FormView")).FormView);
const ProblemsPanel = later(async () => (await import("../panels/ProblemsPanel")).ProblemsPanel);
const ProfilePanel = later(async () => (await import("../panels/ProfilePanel")).ProfilePanel);

export function App() {
  useEffect(() => registerActions(appActions()), []);
  const inspector = useShell((state) => state.inspector);
  const form = useShell((state) => state.form);
  const bottom = useShell((state) => state.bottom);
  useTitle();
  return (
    <div className="app">
      <TopBar />
      <div className="app__body">
        <Rail />
        <Dock />
        <main className="app__main">
          <Banner />
          {!form && <Breadcrumbs />}
          <Later>{form ? <FormView /> : <Canvas />}</Later>
          {bottom !== null && (
            <div className="bottom">
              <Later>{bottom === "problems" ? <ProblemsPanel /> : <ProfilePanel />}</Later>
            </div>
          )}
        </main>
        {inspector && (
          <div className="aside">
            <Inspector />
          </div>
        )}
      </div>
      <Dialogs />
      <Notices />
      <FileDrop />
    </div>
  );
}

/** The browser's tab says what is open and how far its run is. */
function useTitle(): void {
  const { title } = useDocument();
  const run = useDocumentRun(useDocumentId());
  const share = run?.state === "running" && run.total > 0 ? `${run.done}/${run.total} · ` : "";
  useEffect(() => {
    document.title = `${share}${title} · ${appTexts.name}`;
  }, [share, title]);
}
